"""Label texts on the command line, in this process: python -m e_apification predict "text" ...

One line of JSON a text, in order, with the fields that POST /predict answers with; no server is
needed. A text of - stands for the lines of standard input.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.errors import DataError
from common.models.model_source import fetch_served
from common.models.registry import require_production_id
from e_apification.model.answers import prediction_body
from e_apification.model.predictor import load_predictor


def predict_texts(settings: Settings, *, texts: Sequence[str]) -> None:
    """Print the production model's answer to each text.

    Raises:
        TriageError: if there is no model to load, or nothing to label.
    """
    models = fetch_served(settings)
    model_id = require_production_id(models)
    predictor = load_predictor(models, model_id, threads=settings.serving.threads)
    for text in _lines(texts):
        (prediction,) = predictor.predict([text])
        sys.stdout.write(json.dumps(prediction_body(predictor, prediction)) + "\n")


def _lines(texts: Sequence[str]) -> Iterator[str]:
    for given in texts:
        lines = (line.rstrip("\r\n") for line in sys.stdin) if given == "-" else [given]
        for text in lines:
            if not text or text.isspace():
                raise DataError("an empty text has no label; leave it out")
            yield text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    summary = "Label texts with the production model, in this process."
    parser = stage_parser("e_apification predict", summary, sections=["serving"])
    parser.add_argument("texts", nargs="+", metavar="TEXT", help="a message; -: lines of stdin")
    args: argparse.Namespace = parser.parse_args(arguments)
    return run_command(args, partial(predict_texts, texts=args.texts))
