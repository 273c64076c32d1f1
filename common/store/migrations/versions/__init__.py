"""Alembic revisions, applied in order as the store is opened."""
