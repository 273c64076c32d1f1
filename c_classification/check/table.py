"""The report of a label check as text: an aligned table, and the sentences and texts behind it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import shorten, wrap

from c_classification.check.texts import Judged
from c_classification.check.wording import Finding, Misplaced, Sentence
from common.labels import LabelSchema

_HEADER = ("label", "sentences", "texts (share)", "confidence", "finding", "what to change")
_TO_THE_RIGHT = (1, 2, 3)
_WIDEST = 44  # characters of a finding's column
_SHOWN_SENTENCES = 10
_SHOWN_CHARS = 110


def format_report(
    schema: LabelSchema,
    sentences: Sequence[Sentence],
    findings: Sequence[Finding],
    misplaced: Sequence[Misplaced],
    judged: Judged | None,
    synthetic: Sequence[int],
) -> str:
    """Everything that was found, ending in a line break; ``judged`` is None without texts."""
    lines = [
        *_table(_rows(schema, sentences, findings, judged)),
        *_synthetic_lines(schema, synthetic),
        *_misplaced_lines(schema, misplaced),
        *(_near_lines(judged) if judged else ()),
        "",
        f"{len(findings)} finding{'s' * (len(findings) != 1)}." if findings else "No findings.",
    ]
    if judged is None:
        lines.append(
            "Only the wording was checked: data/curated is not there. "
            "Run `make data_transformation` to see what texts the labels get."
        )
    return "\n".join(lines) + "\n"


def _rows(
    schema: LabelSchema,
    sentences: Sequence[Sentence],
    findings: Sequence[Finding],
    judged: Judged | None,
) -> Iterator[tuple[str, ...]]:
    """Cells of the table: a label's figures beside its first finding, its others below."""
    said = Counter(sentence.label for sentence in sentences)
    for k, name in enumerate(schema.names):
        texts, confidence = "-", "-"
        if judged:
            n, mean = judged.shares[k]
            texts = _share(n, judged.texts)
            confidence = "-" if mean is None else f"{mean:.2f}"
        yield from _cells((name, str(said[k]), texts, confidence), findings, name)
    if judged:
        figures = ("(abstained)", "", _share(judged.abstained, judged.texts), "")
        yield from _cells(figures, findings, "")


def _synthetic_lines(schema: LabelSchema, synthetic: Sequence[int]) -> Iterator[str]:
    if total := sum(synthetic):
        parts = (f"{name} {n:,}" for name, n in zip(schema.names, synthetic, strict=True))
        yield ""
        yield f"{total:,} synthetic messages in {schema.synthetic}: {', '.join(parts)}"


def _cells(
    figures: tuple[str, ...], findings: Sequence[Finding], label: str
) -> Iterator[tuple[str, ...]]:
    own = [finding for finding in findings if finding.label == label]
    if not own:
        yield (*figures, "", "")
    for finding in own:
        cells = (wrap(finding.found, _WIDEST), wrap(finding.change, _WIDEST))
        for found, change in zip_longest(*cells, fillvalue=""):
            yield (*figures, found, change)
            figures = ("",) * len(figures)


def _table(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    table = [_HEADER, *rows]
    widths = [max(len(row[k]) for row in table) for k in range(len(_HEADER))]
    for row in table:
        cells = [
            cell.rjust(width) if k in _TO_THE_RIGHT else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _misplaced_lines(schema: LabelSchema, misplaced: Sequence[Misplaced]) -> Iterator[str]:
    if not misplaced:
        return
    yield ""
    yield "Sentences that read like another label, the clearest first:"
    for sentence, other, lead in misplaced[:_SHOWN_SENTENCES]:
        yield (
            f"  {schema.names[sentence.label]} ({sentence.kind}), like {schema.names[other]} "
            f"(+{lead:.2f}): {_short(sentence.text)}"
        )
    if len(misplaced) > _SHOWN_SENTENCES:
        yield f"  and {len(misplaced) - _SHOWN_SENTENCES} more"


def _near_lines(judged: Judged) -> Iterator[str]:
    if not judged.near:
        return
    yield ""
    yield f"Texts near two labels: {_share(judged.near, judged.texts)}; most often"
    for first, second, n, shown in judged.pairs:
        yield f"  {first} / {second}: {_share(n, judged.texts)}"
        for text in shown:
            yield f"    {_short(text)}"


def _share(n: int, whole: int) -> str:
    return f"{n:,} ({n / whole if whole else 0:.1%})"


def _short(text: str) -> str:
    return shorten(text, _SHOWN_CHARS, placeholder=" …")
