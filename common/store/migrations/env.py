"""What Alembic runs: the revisions, on the connection that engine.py opened and locked."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
