"""Kaggle credentials, wherever Kaggle's own tools look for them, and in their order.

Token (KAGGLE_API_TOKEN, ~/.kaggle/access_token), then user and key (KAGGLE_USERNAME and
KAGGLE_KEY, kaggle.json), then the login of `kaggle auth login` (credentials.json), which Kaggle's
client reads itself. The values are kept out of repr(), and so out of logs and tracebacks.
"""

import json
import logging
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import DataError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Credentials:
    """One kind of credentials, and where it was found."""

    origin: str
    token: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)


def find_credentials() -> Credentials | None:
    """The first credentials found; None where there are none.

    Raises:
        DataError: if kaggle.json is there but holds no user and key.
    """
    token = _find_token()
    if token is not None:
        return token
    file = config_folder() / "kaggle.json"
    username, key = os.environ.get("KAGGLE_USERNAME"), os.environ.get("KAGGLE_KEY")
    if username and key:
        return Credentials("KAGGLE_USERNAME and KAGGLE_KEY", username=username, key=key)
    if file.is_file():
        return _read_key_file(file)
    login = Path.home() / ".kaggle" / "credentials.json"
    if login.is_file():
        _warn_if_readable_by_others(login)
        return Credentials(str(login))
    return None


def config_folder() -> Path:
    """Where kaggle.json belongs."""
    if folder := os.environ.get("KAGGLE_CONFIG_DIR"):
        return Path(folder)
    home = Path.home() / ".kaggle"
    if home.is_dir():
        return home
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kaggle"


def _find_token() -> Credentials | None:
    from kagglesdk import get_access_token_from_env

    try:
        token, origin = get_access_token_from_env()
    except OSError:
        # It takes the variable for a path first, and a token can be longer than a path may be.
        token, origin = os.environ["KAGGLE_API_TOKEN"], "KAGGLE_API_TOKEN"
    if token is None:
        return None
    if origin == "access_token":
        for name in ("access_token", "access_token.txt"):
            _warn_if_readable_by_others(Path.home() / ".kaggle" / name)
    return Credentials(origin, token=token)


def _read_key_file(file: Path) -> Credentials:
    _warn_if_readable_by_others(file)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        username, key = content["username"], content["key"]
    except (ValueError, KeyError, TypeError):
        # The parser's own words would quote the file.
        raise DataError(
            f"{file} does not hold a username and a key as JSON; fetch it anew from "
            "https://www.kaggle.com/settings (API, Create Legacy API Key)"
        ) from None
    return Credentials(str(file), username=username, key=key)


def _warn_if_readable_by_others(file: Path) -> None:
    if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        logger.warning("other users can read %s; run: chmod 600 %s", file, file)
