"""People's labels, and what others made of the same texts, read and held against the schema."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from common.errors import DataError
from common.labels import LabelSchema
from common.tables.input import TableInput
from common.tables.read import read_columns
from common.text import TextRules

_NAMED = 10  # unknown labels that an error lists


@dataclass(frozen=True)
class Gold:
    """N labeled texts, as models read them. records: their places in the CSV, from 0."""

    texts: list[str]
    truth: NDArray[np.int64]
    records: NDArray[np.int64]
    left_out: Counter[str]


@dataclass(frozen=True)
class Answers:
    """probs: (N, K), each row sums to 1; answered: (N,) whether a label was named."""

    probs: NDArray[np.float32]
    answered: NDArray[np.bool_]


@dataclass(frozen=True)
class Wording:
    """names, descriptions: (N,) labels whose wording is nearest; vectors: (N, D), the texts'."""

    names: NDArray[np.int64]
    descriptions: NDArray[np.int64]
    vectors: NDArray[np.float32]


def read_gold(source: TableInput | Path, schema: LabelSchema, *, rules: TextRules) -> Gold:
    """The rows of a table (columns text, label) that hold both; the others are counted.

    ``rules``: of the model that reads the texts.

    Raises:
        DataError: if the file can't be read, lacks a column, names labels that the schema does
            not have, or holds no labeled text.
    """
    path = source if isinstance(source, Path) else source.path
    rows = [row.values for row in read_columns(source, ("text", "label"))]
    texts, labels = [text for text, _ in rows], [label.strip() for _, label in rows]
    unknown = Counter(label for label in labels if label and label not in schema.names)
    if unknown:
        listed = ", ".join(f"{name!r} ({n:,} rows)" for name, n in unknown.most_common(_NAMED))
        more = ", …" if len(unknown) > _NAMED else ""
        raise DataError(
            f"{path} has labels that the label schema does not: {listed}{more}; "
            f"known are {', '.join(schema.names)}"
        )
    usable = [i for i, (t, label) in enumerate(zip(texts, labels, strict=True)) if t and label]
    if not usable:
        raise DataError(f"{path} holds no row with both a text and a label")
    left_out = Counter(
        "no text" if not text else "no label"
        for text, label in zip(texts, labels, strict=True)
        if not (text and label)
    )
    return Gold(
        texts=[rules.natural(texts[i]) for i in usable],
        truth=np.array([schema.names.index(labels[i]) for i in usable], np.int64),
        records=np.array(usable, np.int64),
        left_out=left_out,
    )


def read_answers(path: Path, gold: Gold, schema: LabelSchema) -> Answers:
    """The teacher's scores of the gold's texts.

    Raises:
        DataError: if the file is missing, or was made from another CSV or label schema.
    """
    table = _read_rows(path, gold, columns=["label", "scores"], made_by="label_table")
    widths = pc.unique(pc.list_value_length(table["scores"])).to_pylist()
    if widths != [len(schema.names)]:
        raise DataError(f"{path} was made with another label schema; label the CSV anew")
    scores = np.array(table["scores"].to_pylist(), np.float32)  # (N, K)
    return Answers(scores / scores.sum(axis=1, keepdims=True), table["label"].is_valid().to_numpy())


def read_wording(path: Path, gold: Gold, schema: LabelSchema) -> Wording:
    """What the labels' wording alone says about the gold's texts.

    Raises:
        DataError: if the file is missing, or was made from another CSV or label schema.
    """
    columns = ["names", "descriptions", "embedding"]
    table = _read_rows(path, gold, columns=columns, made_by="wording")
    named = {column: table[column].to_pylist() for column in columns[:2]}
    if not {*named["names"], *named["descriptions"]} <= {*schema.names}:
        raise DataError(f"{path} was made with another label schema; make it anew")
    places = {name: k for k, name in enumerate(schema.names)}
    vectors = np.stack(table["embedding"].to_numpy(zero_copy_only=False)).astype(np.float32)
    return Wording(
        names=np.array([places[name] for name in named["names"]], np.int64),
        descriptions=np.array([places[name] for name in named["descriptions"]], np.int64),
        vectors=vectors,
    )


def _read_rows(path: Path, gold: Gold, *, columns: list[str], made_by: str) -> pa.Table:
    """The gold's rows of a file that a command of c_classification made from the same CSV."""
    try:
        table = pq.read_table(path, columns=["row", "text", *columns]).sort_by("row")
    except FileNotFoundError:
        raise DataError(f"{path} is missing; run `make evaluate GOLD=…`, which makes it") from None
    except (pa.ArrowInvalid, KeyError) as error:
        raise DataError(f"{path} is not what c_classification.{made_by} writes: {error}") from None
    same = table.num_rows > gold.records.max() and table["row"].to_pylist() == [
        *range(table.num_rows)
    ]
    table = table.take(gold.records) if same else table
    if not same or table["text"].to_pylist() != gold.texts:
        raise DataError(f"{path} was made from another CSV; label this one anew")
    return table
