"""What all sections of the settings share."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Section(BaseModel):
    """A group of settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def plain_path(path: Path | str) -> Path:
    """A path that no library takes for a home (``~``) or an address (``12:30``).

    Raises:
        ValueError: if it is not UTF-8, as Spark, SQLite and JSON have it.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ValueError("the name is not UTF-8; rename the file or folder") from None
    path = Path(path)
    first = path.parts[0] if path.parts else ""
    return path.absolute() if first.startswith("~") or ":" in first else path


def is_address(place: Any) -> bool:
    """Whether a text names a place of another file system, as hdfs://host/folder does."""
    return isinstance(place, str) and bool(_ADDRESS.match(place))


def path_or_address(text: str) -> Path | str:
    """A path, or an address as it stands."""
    return text if is_address(text) else plain_path(text)


FilePath = Annotated[Path, AfterValidator(plain_path)]
