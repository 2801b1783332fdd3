"""Charts on the cell canvas. Each takes plain arrays and texts, and redraws when given others."""
