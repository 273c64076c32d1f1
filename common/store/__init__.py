"""The store: people's labels and the jobs of /retrain, where the API and stage d meet.

SQLite in RUN_DIR/store by default, PostgreSQL by DATABASE_URL. engine.py opens it, tables.py says
what it holds, feedback.py and jobs.py read and write it. SQLAlchemy is imported by those alone.
"""

from typing import NamedTuple

from common.config.schema import Settings


class Labeled(NamedTuple):
    """A natural text and the label that a person gave it."""

    text: str
    label: str


def has_store(settings: Settings) -> bool:
    """Whether anything can have been stored; opening one that is not there would make it."""
    return settings.store.url is not None or settings.paths.store.exists()
