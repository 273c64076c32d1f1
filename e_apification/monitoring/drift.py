"""Whether what is asked now still looks like what the model was trained on.

The last texts of /predict and /batch_predict are counted, no text is kept. A drift is only told
from a minimum of texts on, where the distance is large and more than chance makes of so many.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from common.models.reference import Reference, distance
from e_apification.model.predictor import Prediction, Predictor

KINDS = ("labels", "confidence", "tokens")


class Drift(NamedTuple):
    """of: one of KINDS; psi: the distance; chance: what it stays below by chance; drifted: null
    below the minimum of texts.
    """

    of: str
    psi: float
    chance: float
    drifted: bool | None


class DriftWindow:
    """The last answers of one model by one process, in the bins of its training snapshot."""

    def __init__(self, *, size: int, min_texts: int, limit: float) -> None:
        """Start empty.

        Args:
            size: texts that are remembered.
            min_texts: below so many nothing is said.
            limit: population stability index above which it is a drift.
        """
        self.min_texts = min_texts
        self.limit = limit
        self._rows: deque[tuple[int, int, int]] = deque(maxlen=size)
        self._model_id: str | None = None
        self._reference: Reference | None = None
        self._places: dict[str | None, int] = {}

    def begin(self, model: Predictor) -> None:
        """Forget the answers of the model before."""
        self._rows.clear()
        self._model_id, self._reference = model.model_id, model.facts.reference
        self._places = {name: place for place, name in enumerate(model.labels.names)}
        self._places[None] = len(self._places)

    def add(self, model: Predictor, predictions: Sequence[Prediction]) -> None:
        """Count answers; those that another model began are left out."""
        reference = self._reference
        if model.model_id != self._model_id or reference is None:
            return
        confidence, tokens = reference.confidence, reference.tokens
        self._rows.extend(
            (self._places[p.label], confidence.bin_of(p.confidence), tokens.bin_of(p.tokens))
            for p in predictions
        )

    @property
    def texts(self) -> int:
        """How many are counted."""
        return len(self._rows)

    def measure(self) -> list[Drift]:
        """One line a kind; none where the model brings no snapshot to hold answers against."""
        reference = self._reference
        if reference is None:
            return []
        expected = (reference.labels, reference.confidence.counts, reference.tokens.counts)
        enough = len(self._rows) >= self.min_texts
        found = []
        for column, (kind, counts) in enumerate(zip(KINDS, expected, strict=True)):
            now = [0] * len(counts)
            for row in self._rows:
                now[row[column]] += 1
            psi, chance = distance(counts, now)
            drifted = psi > max(self.limit, chance) if enough else None
            found.append(Drift(kind, psi, chance, drifted))
        return found
