"""What decides whether a stage must run: the digest of its code, settings and inputs."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from common.stage.files import sha256_of
from common.stage.manifest import FileRecord, input_records
from common.stage.sources import ROOT, source_files


class Plan(NamedTuple):
    """What decides whether a stage must run; ``key`` is the digest of it all.

    settings: what ``settings_sha256`` is the digest of.
    """

    stage: str
    code_sha256: str
    settings_sha256: str
    inputs: tuple[FileRecord, ...]
    settings: Any = None

    @property
    def key(self) -> str:
        """Twelve hex digits that name this combination of inputs, settings and code."""
        inputs = [record.model_dump() for record in self.inputs]
        return _digest([self.stage, self.code_sha256, self.settings_sha256, inputs])[:12]


def plan_stage(stage: str, *, code: Sequence[str], settings: Any, inputs: Sequence[Path]) -> Plan:
    """Digest code, settings and inputs.

    Args:
        stage: the stage's name.
        code: the modules that decide the output; what they import is counted with them
            (``sources.source_files``).
        settings: a JSON-able value or pydantic model: what of the settings the stage reads.
        inputs: files, or folders that an earlier stage has published.
    """
    sources = [[str(p.relative_to(ROOT)), sha256_of(p)] for p in source_files(code)]
    records = tuple(record for path in inputs for record in input_records(path))
    return Plan(stage, _digest(sources), _digest(settings), records, settings)


def _digest(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    canonical = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
