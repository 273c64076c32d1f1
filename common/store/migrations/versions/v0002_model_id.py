"""A job's model is named as everywhere else: model_id."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rename the column; both databases do so in place."""
    op.execute("ALTER TABLE jobs RENAME COLUMN experiment_id TO model_id")


def downgrade() -> None:
    """Rename it back."""
    op.execute("ALTER TABLE jobs RENAME COLUMN model_id TO experiment_id")
