"""reports/label_mix.json: the share of each label among the scored messages, with an interval."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from common.models.metrics import Interval

LABEL_MIX = "label_mix.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class LabelShare(_Part):
    """counted: of the messages, those that data/scored names so. share: after correction."""

    counted: float
    share: float
    interval_95: Interval


class LabelMix(_Part):
    """Shares of all messages, largest first.

    judged_by: what the student's errors are known from, a file of people's labels or ``teacher``:
    then a share is what the teacher would count. texts: how many labels that are.
    """

    model_id: str
    messages: int
    judged_by: str
    texts: int
    labels: dict[str, LabelShare]


def find_label_mix(reports: Path) -> LabelMix | None:
    """The last one; None where there is none, or one that this code cannot read."""
    try:
        return LabelMix.model_validate_json((reports / LABEL_MIX).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
