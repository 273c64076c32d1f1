"""What tests share: a Spark session, a tiny checkpoint, and real data where it is at hand."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from common.config.schema import Settings

ROOT = Path(__file__).resolve().parent.parent
WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] my the parcel bill app is was late wrong broken help please "
    "thanks not arrived charged twice crashes refund order you i it a to and @ brand user . ! ?"
).split()

# A machine may be busy, and then an example takes long.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


def pytest_report_header() -> str:
    """Which processor ran, as INT8, bfloat16 and speed depend on it."""
    from common.onnx.model import cpu_flags

    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.is_file() else ""
    name = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    flags = ", ".join(cpu_flags()) or "instructions not known"
    waiting = os.environ.get("GOMP_SPINCOUNT", "not set")
    return (
        f"processor: {name[1] if name else 'not known'}, {os.cpu_count()} cores, {flags}; "
        f"GOMP_SPINCOUNT {waiting}"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, that of the README before all: what runs beside ends with it."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.name != "test_readme.py", item.path not in slow))


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real data beside the checkout; absent in a user's clone, and the test then skips."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data beside the checkout ({folder})")
    return folder


@pytest.fixture(scope="session")
def spark() -> Iterator["SparkSession"]:
    """One small local session for all Spark tests."""
    from common.config.spark import SparkSettings
    from common.runtime.spark import spark_session

    settings = SparkSettings(master="local[2]", driver_memory="1g", shuffle_partitions=2)
    with spark_session(settings, app="tests") as session:
        yield session


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT with random weights and a toy vocabulary, as a checkpoint folder."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=128,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own TRIAGE_ variables must not change what tests see."""
    for name in list(os.environ):
        if name.startswith(("TRIAGE_", "MLFLOW_")) or name == "DATABASE_URL":
            monkeypatch.delenv(name)
    # The commands that tests start upload nothing; those about MLflow turn it on themselves.
    monkeypatch.setenv("TRIAGE_TRACKING__ENABLED", "false")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server that these tests have started."""
    from tests.postgresql import postgresql

    with postgresql() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def store_settings(request: pytest.FixtureRequest, tmp_path: Path) -> "Settings":
    """Settings of an empty store of either kind."""
    from common.config.schema import Settings
    from common.config.store import StoreSettings
    from tests.postgresql import emptied

    if request.param == "sqlite":
        return Settings(run_dir=tmp_path)
    address = emptied(request.getfixturevalue("postgresql"))
    return Settings(run_dir=tmp_path, store=StoreSettings(url=address))
