"""Serve the production model in the foreground: python -m e_apification [--set serving.port=8000].

``make run_api`` (e_apification.launch) starts the same in the background or in a container.
``python -m e_apification predict "text"`` labels texts without a server, and
``python -m e_apification score --csv IN --out OUT`` a file.
"""

import sys
from collections.abc import Sequence

from common.config.cli import run_command, stage_parser
from common.config.schema import Settings
from common.log import configure_logging
from e_apification.api.app import create_app, load_production
from e_apification.server.drain import run_server
from e_apification.server.processes import run_processes


def serve(settings: Settings) -> None:
    """Load the model, then listen until a signal comes.

    Raises:
        TriageError: if no model can be served; before any port is opened.
    """
    configure_logging(as_json=settings.serving.log_format == "json")
    if settings.serving.processes > 1:
        run_processes(settings)
        return
    predictor = load_production(settings)
    run_server(create_app(settings, load=lambda _: predictor), settings.serving)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    action = given[0] if given else ""
    if action == "predict":
        from e_apification import predict

        return predict.main(given[1:])
    if action == "score":
        from e_apification.bulk import score  # with Arrow and Spark, which serving has not

        return score.main(given[1:])
    if action == "keys":
        from e_apification.http import keys

        return keys.main(given[1:])
    summary = (
        "Serve the production model over HTTP until interrupted; or, with predict or score as the "
        "first word, label texts or a file (each has a --help of its own)."
    )
    parser = stage_parser("e_apification", summary, sections=["serving"])
    return run_command(parser.parse_args(given), serve)


if __name__ == "__main__":
    raise SystemExit(main())
