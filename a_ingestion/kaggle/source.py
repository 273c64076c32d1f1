"""The Kaggle archive in the cache: fetched once, checked, and only one of its files ever used.

The archive stays packed: the wanted file is streamed out of it, so that no name inside it can ever
become a path here.
"""

import logging
import zipfile
import zlib
from pathlib import Path

from a_ingestion.cached import is_cached, keep
from a_ingestion.kaggle.credentials import find_credentials
from a_ingestion.kaggle.part import Part
from a_ingestion.kaggle.transfer import download
from common.config.ingestion import KaggleSettings
from common.errors import DataError
from common.locks import exclusive
from common.tables.input import TableInput

logger = logging.getLogger(__name__)


def fetch_member(settings: KaggleSettings, *, folder: Path) -> TableInput:
    """The wanted CSV inside the archive, which is downloaded unless it is here already.

    Raises:
        DataError: if it cannot be had, is damaged, or does not hold that file.
        TriageError: if another process is at it.
    """
    folder = folder / settings.dataset.replace("/", "__")
    archive = folder / "archive.zip"
    busy = f"another process is downloading {settings.dataset} to {folder}; wait for it"
    with exclusive(folder / ".lock", busy=busy):
        origin = {"kaggle": settings.dataset}
        if is_cached(archive, origin=origin):
            logger.info("%s is in %s, nothing to download", settings.dataset, archive)
        else:
            _fetch(settings, archive, origin)
    return TableInput(archive, member=_member(archive, settings.file).filename)


def _fetch(settings: KaggleSettings, archive: Path, origin: dict[str, str]) -> None:
    if archive.exists():
        logger.warning("%s is not what its manifest says; it is downloaded anew", archive)
    part = Part(archive)
    if not part.is_complete:
        credentials = find_credentials()
        logger.info(
            "downloading %s with credentials from %s",
            settings.dataset,
            credentials.origin if credentials else "nowhere (as nobody)",
        )
        download(settings, part, credentials=credentials)
    damage = _find_damage(part.path)
    if damage is not None:
        part.discard()
        raise DataError(
            f"the archive from Kaggle is damaged ({damage}) and was removed; run again to fetch it"
        )
    keep(part.path, archive, origin=origin, etag=part.etag)
    part.discard()


def _find_damage(archive: Path) -> str | None:
    """Read every file in it to the end, which compares sizes and CRCs; nothing is written."""
    try:
        with zipfile.ZipFile(archive) as content:
            bad = content.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        return str(error)
    return None if bad is None else f"wrong CRC of {bad!r}"


def _member(archive: Path, file: str) -> zipfile.ZipInfo:
    """The one entry of that name, in whichever folder of the archive it lies."""
    with zipfile.ZipFile(archive) as content:
        entries = content.infolist()
    found = [entry for entry in entries if entry.filename.split("/")[-1] == file]
    if len(found) != 1:
        names = ", ".join(repr(entry.filename) for entry in entries[:10])
        raise DataError(
            f"the archive holds {len(found)} files named {file!r}, not one; it has {names}; "
            "set ingestion.kaggle.file"
        )
    return found[0]
