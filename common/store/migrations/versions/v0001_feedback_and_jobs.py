"""Labels of people, the jobs of /retrain, and the workers that take them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "batches",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("added_at", sa.Double, nullable=False),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.UniqueConstraint("added_by", "idempotency_key", name="batches_once"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "feedback",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("batch_id", _ID, sa.ForeignKey("batches.id"), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_feedback_batch_id", "feedback", ["batch_id"])
    op.create_table(
        "jobs",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("open_slot", sa.Integer, unique=True),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("finished_at", sa.Double),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(200)),
        sa.Column("lease_until", sa.Double),
        sa.Column("experiment_id", sa.String(12)),
        sa.Column("reasons", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("alive_until", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Remove them, and all that they hold."""
    for table in ("workers", "jobs", "feedback", "batches"):
        op.drop_table(table)
