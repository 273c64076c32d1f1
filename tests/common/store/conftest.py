"""An opened store, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from common.store.engine import open_store

if TYPE_CHECKING:
    from common.config.schema import Settings


@pytest.fixture
def store(store_settings: "Settings") -> Iterator[Engine]:
    engine = open_store(store_settings)
    yield engine
    engine.dispose()
