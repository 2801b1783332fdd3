"""How the tables came to be what they are: one alembic revision per change."""
