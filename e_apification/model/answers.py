"""What is said of one text, over HTTP and on the command line."""

from typing import Any

from e_apification.model.predictor import Prediction, Predictor

_DECIMALS = 6


def prediction_body(predictor: Predictor, prediction: Prediction) -> dict[str, Any]:
    """The fields of ``PredictionBody``; plain, as pydantic has nothing to check in what we made."""
    return {
        "label": prediction.label,
        "confidence": round(prediction.confidence, _DECIMALS),
        "scores": {
            name: round(score, _DECIMALS)
            for name, score in zip(predictor.labels.names, prediction.scores, strict=True)
        },
        "abstained": prediction.label is None,
        "truncated": prediction.truncated,
        "readable": prediction.readable,
        "model_id": predictor.model_id,
    }
