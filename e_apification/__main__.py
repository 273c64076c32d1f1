"""Serve the production model in the foreground: python -m e_apification [--set serving.port=8000].

``make run_api`` (e_apification.launch) starts the same in the background or in a container.
"""

import uvicorn

from common.cli import run_command, stage_parser
from common.schema import Settings
from e_apification.app import create_app, load_production

_KEEP_ALIVE_S = 30
_DRAIN_S = 10


def serve(settings: Settings) -> None:
    """Load the model, then listen until a signal comes.

    Raises:
        TriageError: if no model can be served; before any port is opened.
    """
    predictor = load_production(settings)
    uvicorn.run(
        create_app(settings, load=lambda _: predictor),
        host=settings.serving.host,
        port=settings.serving.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,  # keeps what configure_logging set up
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )


def main() -> int:
    """Run the command line."""
    summary = "Serve the production model over HTTP until interrupted."
    parser = stage_parser("e_apification", summary, sections=["serving"])
    return run_command(parser.parse_args(), serve)


if __name__ == "__main__":
    raise SystemExit(main())
