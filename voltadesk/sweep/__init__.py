"""A sweep: one scenario replayed for every combination of some of its keys' values."""
