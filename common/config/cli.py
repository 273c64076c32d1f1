"""The command line that all stages share: --profile, --set, --help with every option and unit."""

import argparse
import logging
from collections.abc import Callable, Iterator, Sequence

from pydantic import BaseModel

from common.config.schema import Settings
from common.config.settings import PROFILES, load_settings
from common.errors import TriageError
from common.log import configure_logging

logger = logging.getLogger(__name__)


def stage_parser(prog: str, summary: str, *, sections: Sequence[str]) -> argparse.ArgumentParser:
    """A parser with the shared options, whose help lists the settings of ``sections``."""
    options = [line for name in ("", *sections) for line in _option_lines(name)]
    parser = argparse.ArgumentParser(
        prog=f"python -m {prog}",
        description=summary,
        epilog="settings, for --set:\n" + "\n".join(options),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=PROFILES, help="default: $TRIAGE_PROFILE or sample")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting"
    )
    return parser


def run_command(args: argparse.Namespace, command: Callable[[Settings], object]) -> int:
    """Load settings, run ``command`` with them and turn a TriageError into one readable line.

    Returns:
        The exit code: 0, else that of the error's class in common/errors.py: 2 for bad settings,
        3 for a model that the gate refused, 4 for an output that lacks rejected records, 1 for any
        other.
    """
    configure_logging()
    try:
        settings = load_settings(overrides=args.set, profile=args.profile).settings
        configure_logging(settings.log)
        command(settings)
    except TriageError as error:
        logger.error("%s", error)
        return error.exit_code
    except KeyboardInterrupt:
        logger.error("interrupted; run the same command again to go on")
        return 130
    return 0


def _option_lines(section: str) -> Iterator[str]:
    model: type[BaseModel] = Settings
    if section:
        annotation = Settings.model_fields[section].annotation
        assert isinstance(annotation, type)  # noqa: S101 a section is a model
        assert issubclass(annotation, BaseModel)  # noqa: S101 a section is a model
        model = annotation
    yield from _model_lines(model, f"{section}." if section else "", nested=bool(section))


def _model_lines(model: type[BaseModel], prefix: str, *, nested: bool) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if nested:
                yield from _model_lines(kind, f"{prefix}{name}.", nested=True)
            continue
        note = f"  {field.description}" if field.description else ""
        default = "null" if field.default is None else field.default
        yield f"  {prefix}{name}{note} (default {default})"
