"""One request to Kaggle for the archive of a data set, through kagglesdk, Kaggle's own client.

kagglesdk is what the kaggle package calls; it knows the endpoints and how credentials are sent. The
kaggle package itself is not imported: its import logs in over the network, without a timeout, and
creates folders. What the client lacks is added here: timeouts and a byte range.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from a_ingestion.kaggle.credentials import Credentials
from common.errors import DataError

_CONNECT_S = 10.0
_USER_AGENT = "message-triage"


class _Transport(HTTPAdapter):
    """Timeouts for all requests; extra headers for the download that Kaggle redirects to."""

    def __init__(self, *, timeout_s: float, download_headers: dict[str, str]) -> None:
        super().__init__()
        self._timeout = (min(_CONNECT_S, timeout_s), timeout_s)
        self._download_headers = download_headers

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        kwargs["timeout"] = self._timeout
        if request.method == "GET":
            request.headers.update(self._download_headers)
        return super().send(request, *args, **kwargs)


@contextmanager
def open_archive(
    dataset: str,
    *,
    credentials: Credentials | None,
    timeout_s: float,
    headers: dict[str, str],
) -> Iterator[requests.Response]:
    """Ask Kaggle for the archive; the body is still to be read.

    Args:
        dataset: owner/name.
        credentials: None asks as nobody, which Kaggle allows for some data sets.
        timeout_s: longest silence.
        headers: sent with the download, as Range and If-Range are.

    Raises:
        requests.RequestException: if there is no answer, or one that says no. Its text may hold a
            signed address: it must not be shown.
    """
    from kagglesdk import KaggleClient
    from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

    transport = _Transport(
        timeout_s=timeout_s, download_headers={"Accept-Encoding": "identity", **headers}
    )
    token = None
    if credentials is not None:
        token = credentials.token or (None if credentials.key else _login_token(transport))
    client = KaggleClient(
        username=credentials.username if credentials else None,
        password=credentials.key if credentials else None,
        api_token=token,
        user_agent=_USER_AGENT,
    )
    request = ApiDownloadDatasetRequest()
    request.owner_slug, request.dataset_slug = dataset.split("/")
    with _no_addresses_in_logs(), client:
        _mount(client, transport)
        try:
            response = client.datasets.dataset_api_client.download_dataset(request)
        except requests.RequestException as error:
            if error.response is not None:
                error.response.close()
            raise
        with response:
            yield response


def _login_token(transport: HTTPAdapter) -> str | None:
    """The access token of `kaggle auth login`, renewed if it has run out."""
    from kagglesdk import KaggleClient, KaggleCredentials

    with _no_addresses_in_logs(), KaggleClient(user_agent=_USER_AGENT) as client:
        _mount(client, transport)
        try:
            login = KaggleCredentials.load(client)
            token: str | None = login.get_access_token() if login else None
        except (ValueError, TypeError) as error:
            if isinstance(error, requests.RequestException):
                raise
            raise DataError(
                f"{Path.home() / '.kaggle/credentials.json'} is damaged; run: kaggle auth login"
            ) from None
    return token


def _mount(client: Any, transport: HTTPAdapter) -> None:
    session = client.http_client()._session  # noqa: SLF001 - there is no public way
    session.mount("https://", transport)
    session.mount("http://", transport)


@contextmanager
def _no_addresses_in_logs() -> Iterator[None]:
    """At DEBUG urllib3 logs each address with its query, and a signed one is a credential."""
    chatty = logging.getLogger("urllib3")
    level = chatty.level
    chatty.setLevel(logging.WARNING)
    try:
        yield
    finally:
        chatty.setLevel(level)
