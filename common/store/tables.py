"""The tables, as the newest migration leaves them; times are seconds since 1970, UTC."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()
# SQLite counts up in its own integer type alone.
_Id = BigInteger().with_variant(Integer, "sqlite")

# One request to /add_data. Nothing in here is ever changed or removed.
batches = Table(
    "batches",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("added_at", Double, nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("idempotency_key", String(200)),
    Column("body_sha256", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    UniqueConstraint("added_by", "idempotency_key", name="batches_once"),
    sqlite_autoincrement=True,
)

# text: natural (common/text.py), so personal data is masked in here too.
feedback = Table(
    "feedback",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("batch_id", _Id, ForeignKey("batches.id"), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("label", Text, nullable=False),
    sqlite_autoincrement=True,
)

# open_slot: 1 while the job is queued or running, then null: so at most one is open.
# lease_until: when a running job counts as left behind, unless its worker says otherwise.
jobs = Table(
    "jobs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("open_slot", Integer, unique=True),
    Column("asked_by", String(64), nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("attempts", Integer, nullable=False),
    Column("worker", String(200)),
    Column("lease_until", Double),
    Column("model_id", String(12)),
    Column("reasons", Text, nullable=False),
    sqlite_autoincrement=True,
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("alive_until", Double, nullable=False),
)
