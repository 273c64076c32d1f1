"""What all sections of the settings share."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


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


FilePath = Annotated[Path, AfterValidator(plain_path)]
