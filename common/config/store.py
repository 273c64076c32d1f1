"""The store of feedback and jobs: settings of section `store`."""

from pydantic import Field, SecretStr

from common.config.section import Section


class StoreSettings(Section):
    """Where people's labels and the jobs of /retrain are kept."""

    url: SecretStr | None = Field(
        None, description="postgresql://…, as DATABASE_URL; null: SQLite in RUN_DIR/store"
    )
    timeout_s: float = Field(5, gt=0, description="seconds to wait for the database, or its lock")
    lease_s: float = Field(
        60, gt=0, description="seconds without a heartbeat until a worker counts as dead"
    )
    poll_s: float = Field(2, gt=0, description="seconds between a worker's polls for a job")
