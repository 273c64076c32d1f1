"""The label schema: which categories there are, what they mean, and which one catches the rest.

conf/labels.yaml is the only place that names labels; every stage and the server read it here.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from common.errors import SettingsError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Label(BaseModel):
    """One category, described well enough for a model that has never seen it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    description: Text
    hypotheses: tuple[Text, ...] = Field(min_length=1, description="sentences true of such a text")
    examples: tuple[Text, ...] = Field((), description="made-up messages, never real ones")
    keywords: tuple[Text, ...] = Field((), description="words of the keyword baseline only")


class LabelSchema(BaseModel):
    """All labels in their one order; scores, logits and confusion matrices follow it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    catch_all: Text
    synthetic: Text | None = Field(
        None, description="CSV of many more made-up messages, beside this file; synthetic.py"
    )
    labels: tuple[Label, ...] = Field(min_length=2)
    _folder: Path = PrivateAttr(Path())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [label.name for label in self.labels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"label names appear twice: {', '.join(twice)}")
        if self.catch_all not in names:
            raise ValueError(f"catch_all {self.catch_all!r} is not one of: {', '.join(names)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Label names in schema order."""
        return tuple(label.name for label in self.labels)

    @property
    def sentences(self) -> list[tuple[str, int]]:
        """All that the schema says of its labels, each with its label's position."""
        return [
            (text, k)
            for k, label in enumerate(self.labels)
            for text in (label.description, *label.hypotheses, *label.examples)
        ]

    @property
    def synthetic_files(self) -> list[Path]:
        """The file of synthetic messages, as a stage counts its inputs; none where none is named.

        Raises:
            SettingsError: if it does not exist, as beside the copy that a model folder holds.
        """
        if self.synthetic is None:
            return []
        path = self._folder / self.synthetic
        if not path.is_file():
            raise SettingsError(
                f"the file of synthetic messages {path} does not exist; put the CSV there, or take "
                "the line `synthetic` out of the labels file"
            )
        return [path]

    @property
    def sha256(self) -> str:
        """Digest of everything that the file says; equal digests mean equal schemas.

        Of synthetic messages it counts the file's name alone: stages count what is in it.
        """
        return hashlib.sha256(self.model_dump_json(exclude_none=True).encode()).hexdigest()


def load_labels(path: Path) -> LabelSchema:
    """Read and validate a labels file.

    Raises:
        SettingsError: if the file is missing, is not YAML, or breaks the schema.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"labels file {path} does not exist; set LABELS=path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"labels file {path} is not YAML: {error}") from None
    try:
        schema = LabelSchema.model_validate(raw)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {_explain(e)}" for e in error.errors()]
        raise SettingsError(f"labels file {path} is not valid: " + "; ".join(lines)) from None
    schema._folder = path.parent  # noqa: SLF001 set here alone
    return schema


def _explain(error: "ErrorDetails") -> str:
    if error["type"] == "string_type" and not isinstance(error["input"], list | dict):
        return f"YAML reads {error['input']!r} here; put the text in quotes"
    return error["msg"]
