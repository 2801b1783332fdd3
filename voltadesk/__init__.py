"""VoltaDesk: a trading desk for local electricity and a battery fleet, in one terminal."""

__version__ = "0.1.0"
