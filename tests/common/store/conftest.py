"""An opened store, on SQLite and on PostgreSQL."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from common.store.engine import open_store


@pytest.fixture
def store(store_settings) -> Iterator[Engine]:
    engine = open_store(store_settings)
    yield engine
    engine.dispose()
