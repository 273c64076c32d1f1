"""Bring the archive of a Kaggle data set here, however often the connection breaks.

Each try asks Kaggle anew, since the address that it redirects to is signed for a short time only.
Tries are bounded; between them the wait doubles, or is what the server asks for.
"""

import logging
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from a_ingestion.kaggle.client import open_archive
from a_ingestion.kaggle.credentials import Credentials, config_folder
from a_ingestion.kaggle.part import BrokenTransferError, Part
from common.config.ingestion import KaggleSettings
from common.errors import DataError

_LONGEST_BACKOFF_S = 60.0
_LONGEST_ASKED_WAIT_S = 600.0
_RETRIED = frozenset({408, 416, 429, 500, 502, 503, 504})
_OTHERWISE = "or fetch the file yourself and give it as CSV=path; PROFILE=sample needs no network"
logger = logging.getLogger(__name__)


def download(settings: KaggleSettings, part: Part, *, credentials: Credentials | None) -> None:
    """Complete ``part``.

    Raises:
        DataError: with what to do, when Kaggle says no or all tries are used up.
    """
    problem: Exception | None = None
    for tried in range(settings.retries + 1):
        if problem is not None:
            wait_s = _wait_s(
                problem, min(settings.backoff_s * 2 ** (tried - 1), _LONGEST_BACKOFF_S)
            )
            logger.warning(
                "Kaggle: %s; try %d of %d in %.1f s",
                _describe(problem), tried + 1, settings.retries + 1, wait_s,
            )  # fmt: skip
            time.sleep(wait_s)
        try:
            with open_archive(
                settings.dataset,
                credentials=credentials,
                timeout_s=settings.timeout_s,
                headers=part.resume_headers,
            ) as response:
                part.receive(response, what=f"download of {settings.dataset}")
            return
        except (requests.RequestException, BrokenTransferError) as error:
            _raise_if_final(error, settings, credentials)
            if _status(error) == requests.codes.requested_range_not_satisfiable:
                part.discard()
            problem = error
    raise _give_up(problem, settings, part) from None


def _give_up(problem: Exception | None, settings: KaggleSettings, part: Part) -> DataError:
    tries = f"{settings.retries + 1} tries, at last: {_describe(problem)}"
    if isinstance(problem, requests.ConnectionError | requests.Timeout) and not part.received:
        return DataError(
            f"Kaggle cannot be reached ({tries}): check the network, and HTTPS_PROXY if there is "
            f"a proxy; {_OTHERWISE}"
        )
    return DataError(
        f"the download of {settings.dataset} failed ({tries}); {part.received:,} bytes are kept, "
        "run again later to go on from there"
    )


def _describe(error: Exception | None) -> str:
    """A few words; never a request error's own text, which may hold a signed address."""
    status = _status(error)
    if status is not None:
        return f"HTTP {status}"
    return str(error) if isinstance(error, BrokenTransferError) else type(error).__name__


def _status(error: Exception | None) -> int | None:
    response = getattr(error, "response", None)
    return None if response is None else response.status_code


def _raise_if_final(
    error: Exception, settings: KaggleSettings, credentials: Credentials | None
) -> None:
    """Say what to do where another try would get the same answer."""
    if isinstance(error, requests.exceptions.SSLError):
        raise DataError(
            "no trusted TLS connection to Kaggle: check the clock, and REQUESTS_CA_BUNDLE if a "
            f"proxy has its own certificate; {_OTHERWISE}"
        ) from None
    status = _status(error)
    if status is None or status in _RETRIED or _is_from_storage(error):
        return
    dataset, page = settings.dataset, f"https://www.kaggle.com/datasets/{settings.dataset}"
    how = f"set KAGGLE_API_TOKEN, or put kaggle.json into {config_folder()} (mode 600)"
    if status == requests.codes.unauthorized:
        seen = (
            f"does not accept the credentials from {credentials.origin} (401); a newer token "
            "makes the older ones void"
            if credentials
            else "wants credentials (401) and none were found"
        )
        message = f"Kaggle {seen}: make a token on https://www.kaggle.com/settings and {how}"
    elif status == requests.codes.forbidden:
        message = (
            f"Kaggle forbids the download of {dataset} (403): open {page} as the same user, "
            f"accept its terms, verify the account if asked to; {_OTHERWISE}"
        )
    elif status == requests.codes.not_found:
        message = (
            f"Kaggle has no data set {dataset} (404): check ingestion.kaggle.dataset at {page}"
        )
    else:
        message = f"Kaggle answers HTTP {status} for {dataset}; look at {page}, {_OTHERWISE}"
    raise DataError(message) from None


def _is_from_storage(error: Exception) -> bool:
    """Whether the address that Kaggle redirected to said no: it was signed for too short a time."""
    response = getattr(error, "response", None)
    return response is not None and bool(response.history)


def _wait_s(error: Exception, backoff_s: float) -> float:
    """The wait that the server asks for, else the backoff.

    Raises:
        DataError: if the server asks for more than ten minutes.
    """
    response = getattr(error, "response", None)
    asked = "" if response is None else response.headers.get("Retry-After", "").strip()
    if asked.isdigit():
        wait_s = float(asked)
    else:
        try:
            wait_s = (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return backoff_s
    if wait_s > _LONGEST_ASKED_WAIT_S:
        raise DataError(
            f"Kaggle asks to come back in {wait_s / 60:.0f} minutes; run again then"
        ) from None
    return max(wait_s, 0.0)
