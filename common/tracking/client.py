"""The way to MLflow: a tracking server, or the SQLite file RUN_DIR/mlruns/mlflow.db.

MLflow is imported here alone, and only once something answers. Its own patience with a server
that is away (minutes of retries) is cut to tracking.timeout_s; its telemetry is off.
"""

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from common.config.schema import Settings
from common.errors import TriageError
from common.tracking.local import DATABASE, artifacts_address, local_address

if TYPE_CHECKING:
    from mlflow import MlflowClient

CANDIDATE, PRODUCTION = "candidate", "production"
MODEL = "model"  # the folder of a run's artifacts that holds the model's files
_PORTS = {"http": 80, "https": 443}


class TrackingError(TriageError):
    """MLflow is away, or refuses what it is asked."""


@contextmanager
def mlflow_client(settings: Settings) -> Iterator["MlflowClient"]:
    """A client of the server or store that the settings name.

    Raises:
        TrackingError: if it does not answer, or as soon as it refuses or ends.
    """
    uri = tracking_uri(settings)
    where = shown(uri)
    _require_answer(uri, timeout_s=settings.tracking.timeout_s)
    _set_patience(settings.tracking.timeout_s)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        if settings.tracking.uri is None:
            uri = local_address(settings.paths.tracking)
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
    except (MlflowException, RequestException, ConnectionError, sqlite3.Error) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        said = said.replace(_credentials(uri), "")  # MLflow's own texts repeat the address
        raise TrackingError(f"MLflow at {where}: {said[:300]}") from None


def tracking_uri(settings: Settings) -> str:
    """Where MLflow is, to be shown; may hold a password."""
    if settings.tracking.uri is not None:
        return settings.tracking.uri.get_secret_value()
    return f"sqlite:///{(settings.paths.tracking / DATABASE).resolve()}"


def shown(uri: str) -> str:
    """An address without the user and password that it may hold."""
    return uri.replace(_credentials(uri), "")


def experiment_id(client: "MlflowClient", settings: Settings) -> str:
    """The experiment of the settings' name; made where there is none."""
    name = settings.tracking.name
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    if settings.tracking.uri is not None:
        return str(client.create_experiment(name))
    beside = artifacts_address(settings.paths.tracking)
    return str(client.create_experiment(name, artifact_location=beside))


def _credentials(uri: str) -> str:
    """``user:password@``, as it stands in an address; empty where there is none."""
    user, at, _ = urlsplit(uri).netloc.rpartition("@")
    return user + at


def _require_answer(uri: str, *, timeout_s: float) -> None:
    parts = urlsplit(uri)
    if parts.scheme not in _PORTS or parts.hostname is None:
        return
    try:
        address = (parts.hostname, parts.port or _PORTS[parts.scheme])
        socket.create_connection(address, timeout=timeout_s).close()
    except OSError as error:
        raise TrackingError(f"MLflow at {shown(uri)} does not answer: {error}") from None


def _set_patience(timeout_s: int) -> None:
    """MLflow takes these from the environment only; what a user has set there stays."""
    for name, value in {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": timeout_s,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": 1,
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": 0,
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }.items():
        os.environ.setdefault(name, str(value))
