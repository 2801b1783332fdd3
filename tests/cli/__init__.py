"""The desk's command line, by its public door."""
