"""Prices as services publish them: asked for over the network, then read like any file of theirs."""
