"""The audit page: figures and examples in, self-contained HTML out; audit.html is its template."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from c_classification.audit.figures import Counted, Counts, Disagreement, Examples
from common.config.schema import Settings
from common.labels import LabelSchema
from common.runtime.page import render
from common.stage.manifest import Manifest

TEMPLATE = Path(__file__).resolve().parent / "page.html"
_BARS = 20
_WIDEST_MATRIX = 30  # labels
_LONGEST_TEXT = 500  # characters
_ABSTAINED_PAIRS = 10


class Sources(NamedTuple):
    """What the page is made from; ``key`` is the digest of it all."""

    key: str
    settings: Settings
    manifest: Manifest
    schema: LabelSchema
    members: list[str]


class LabelRow(NamedTuple):
    """One label; ``bars``: its messages by confidence, in equal steps from 0 to 1."""

    name: str
    messages: int
    mean: float | None
    bars: list[int]
    highest_bar: int


class MemberPair(NamedTuple):
    """Two members: messages on which both have an opinion, and the same; (a, b) -> messages.

    The last row and column of ``table`` are there where a member had no opinion.
    """

    first: str
    second: str
    both: int
    same: int
    table: list[list[int]]
    disagreements: list[Disagreement]


class AbstainedPair(NamedTuple):
    """How many abstentions had these two labels on top."""

    best: int
    second: int
    messages: int


def render_page(sources: Sources, counts: Counts, examples: Examples) -> str:
    """The whole page as one string."""
    values = {
        "key": sources.key,
        "created_at": datetime.now(UTC),
        "manifest": sources.manifest,
        "settings": _flat_settings(sources.settings),
        "labels_file": sources.settings.labels,
        "schema": sources.schema,
        "names": sources.schema.names,
        "members": sources.members,
        "threshold": sources.settings.classification.threshold,
        "total": int(counts.bins.sum()) + counts.abstained,
        "counts": counts,
        "rows": _label_rows(sources.schema, counts),
        "pairs": _member_pairs(sources.members, counts, examples),
        "abstained_pairs": _abstained_pairs(counts.abstained_pairs),
        "widest_matrix": _WIDEST_MATRIX,
        "examples": examples,
    }
    return render(TEMPLATE, values, filters={"short": _shortened})


def _label_rows(schema: LabelSchema, counts: Counts) -> list[LabelRow]:
    of_label = counts.bins.sum(axis=1)
    bars = counts.bins.reshape(len(of_label), _BARS, -1).sum(axis=2)  # (K, _BARS)
    return [
        LabelRow(
            name=name,
            messages=int(of_label[k]),
            mean=float(counts.confidence_sum[k] / of_label[k]) if of_label[k] else None,
            bars=bars[k].tolist(),
            highest_bar=max(1, int(bars[k].max())),
        )
        for k, name in enumerate(schema.names)
    ]


def _member_pairs(members: list[str], counts: Counts, examples: Examples) -> list[MemberPair]:
    found = []
    for (first, second), votes in counts.votes.items():
        known = votes[:-1, :-1]
        whole = votes if votes.sum() > known.sum() else known
        found.append(
            MemberPair(
                first=members[first],
                second=members[second],
                both=int(known.sum()),
                same=int(known.trace()),
                table=whole.tolist(),
                disagreements=examples.disagreements[first, second],
            )
        )
    return found


def _abstained_pairs(table: Counted) -> list[AbstainedPair]:
    """The most frequent kinds of abstention."""
    order = np.argsort(-table, axis=None, kind="stable")[:_ABSTAINED_PAIRS]
    places = [divmod(int(k), len(table)) for k in order]
    return [AbstainedPair(a, b, int(table[a, b])) for a, b in places if table[a, b]]


def _flat_settings(settings: Settings) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [("profile", settings.profile), ("seed", settings.seed)]
    for name, value in settings.classification.model_dump(mode="json").items():
        key = f"classification.{name}"
        if isinstance(value, dict):
            found += [(f"{key}.{part}", item) for part, item in value.items()]
        else:
            found.append((key, value))
    return found


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
