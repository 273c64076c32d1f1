"""Checks on what was curated; one that fails stops the chain with nothing published.

The report, reports/quality.json, holds a line a check: name, value seen, limit, passed. It also
says how each column was read, why rows are unusable, and how many texts were HTML, too long, or
lack a quote or a signature.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from b_transformation.quality.causes import Cause
from b_transformation.quality.written import Written
from common.config.transformation import QualitySettings
from common.errors import DataError
from common.stage.files import write_atomically

CLOCK_SKEW = timedelta(days=1)
UNUSABLE, REPEATED = "share of unusable rows", "share of repeated ids"
_LIMITS = {UNUSABLE: "max_null_share", REPEATED: "max_duplicate_id_share"}
_SHOWN_CAUSES = 3
Value = TypeVar("Value", int, float, datetime)


class Check(NamedTuple):
    """``value`` and ``limit`` as they are shown to a person."""

    name: str
    value: str
    limit: str
    passed: bool


def check_quality(
    written: Written,
    settings: QualitySettings,
    *,
    raw_rows: int,
    unusable_rows: int,
    repeated_ids: int,
    inbound_share: float | None,
    now: datetime,
) -> list[Check]:
    """Hold the curated messages against the settings.

    What a source has no column for is not checked: ``inbound_share`` None, no ``created_at``.
    """
    checks = [
        _at_least("curated messages", written.rows, settings.min_rows),
        _at_most(UNUSABLE, unusable_rows / max(1, raw_rows),
                 settings.max_null_share),
        _at_most(REPEATED, repeated_ids / max(1, raw_rows),
                 settings.max_duplicate_id_share),
        _at_most("repeated tweet_id among the curated", written.rows - written.distinct_ids, 0),
    ]  # fmt: skip
    checks += [
        _at_most(f"nulls in {column}", count, 0) for column, count in written.nulls_in_keys.items()
    ]
    if inbound_share is not None:
        checks.append(_at_least("inbound share", inbound_share, settings.min_inbound_share))
        checks.append(_at_most("inbound share", inbound_share, settings.max_inbound_share))
    if written.first_created_at is not None and written.last_created_at is not None:
        earliest = datetime(settings.min_year, 1, 1, tzinfo=UTC)
        checks.append(_at_least("first created_at", written.first_created_at, earliest))
        checks.append(_at_most("last created_at", written.last_created_at, now + CLOCK_SKEW))
    return checks


def write_report(
    checks: list[Check],
    path: Path,
    *,
    now: datetime,
    texts: Mapping[str, Any],
    columns: Mapping[str, Any],
    causes: Sequence[Cause],
) -> None:
    """Write the report, whether the checks passed or not.

    Args:
        checks: in the order of the report.
        path: of the report.
        now: its time.
        texts: what was cut of the texts.
        columns: how each was read.
        causes: why rows are unusable.
    """
    report = {
        "created_at": now.isoformat(),
        "passed": all(check.passed for check in checks),
        "checks": [check._asdict() for check in checks],
        "texts": texts,
        "columns": columns,
        "unusable": [cause._asdict() for cause in causes],
    }
    write_atomically(path, json.dumps(report, indent=2) + "\n")


def require_passed(
    checks: list[Check], *, report: Path, causes: Sequence[Cause] = (), id_column: str | None = None
) -> None:
    """Stop at the first look where a check failed.

    Raises:
        DataError: naming each failed check, the value seen, the limit, and the commonest causes.
    """
    why = {
        UNUSABLE: "; ".join(cause.sentence for cause in causes[:_SHOWN_CAUSES]),
        REPEATED: f"column {id_column!r} is no id, or rows stand there twice: name the id by "
        "ID_COLUMN=, or ID_COLUMN=none numbers the rows",
    }
    failed = [
        f"{c.name} is {c.value}, must be {c.limit}"
        + (f" by transformation.quality.{_LIMITS[c.name]}: {why[c.name]}" if c.name in why else "")
        for c in checks
        if not c.passed
    ]
    if failed:
        raise DataError(
            f"quality checks failed, nothing was published: {'; '.join(failed)} (all checks: "
            f"{report}). Mend the source, or change the limits under transformation.quality"
        )


def _at_least(name: str, value: Value, limit: Value) -> Check:
    return Check(name, _shown(value), f"at least {_shown(limit)}", value >= limit)


def _at_most(name: str, value: Value, limit: Value) -> Check:
    return Check(name, _shown(value), f"at most {_shown(limit)}", value <= limit)


def _shown(value: float | datetime) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
