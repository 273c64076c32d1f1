"""The one exception whose message is meant for the person who ran the command."""

from collections.abc import Sequence


class TriageError(Exception):
    """A problem that the user can mend; the message names the value seen and the remedy."""

    exit_code = 1


class SettingsError(TriageError):
    """A setting is unknown or out of range; the message names key, value and source."""

    exit_code = 2


class DataError(TriageError):
    """Input or stored data is not what the stage needs."""


class RefusedError(TriageError):
    """The promotion gate refused a model; what served before still serves."""

    exit_code = 3

    def __init__(self, message: str, *, model_id: str, reasons: Sequence[str]) -> None:
        super().__init__(message)
        self.model_id = model_id
        self.reasons = tuple(reasons)


class RejectedError(TriageError):
    """The output is written and whole, but some records of the input could not be read."""

    exit_code = 4
