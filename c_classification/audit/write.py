"""A page to judge the weak labels by: data/labeled -> RUN_DIR/reports/labels.html, self-contained.

It holds message texts, like the data that it is made from, so keep it where that is kept.
"""

import logging
import re
from pathlib import Path

from c_classification.audit.figures import count_rows, draw_examples
from c_classification.audit.page import TEMPLATE, Sources, render_page
from c_classification.audit.rows import read_rows
from common.config.schema import Settings
from common.errors import DataError
from common.labels import LabelSchema, load_labels
from common.locks import reading
from common.runtime.page import page_sha256
from common.stage.files import write_atomically
from common.stage.manifest import Manifest, require_manifest
from common.stage.plan import plan_stage

CODE = ("c_classification.audit.write",)  # what decides the output, with all that these import
REPORT = "labels.html"
_KEY = re.compile(r'<meta name="made-from" content="([0-9a-f]+)">')
_HEAD_CHARS = 2_000  # of the page, which hold its key
logger = logging.getLogger("c_classification.audit.write")


def write_audit(settings: Settings) -> Path:
    """Bring the page up to date and return its path; nothing to do where data/labeled is the same.

    Raises:
        DataError: if there is no whole data/labeled, or the settings name other labels or
            another teacher than it was made with.
    """
    with reading(settings.paths.labeled):
        return _write(settings)


def _write(settings: Settings) -> Path:
    labeled = settings.paths.labeled
    manifest = require_manifest(labeled, made_by="classify")
    schema = load_labels(settings.labels)
    target = settings.paths.reports / REPORT
    plan = plan_stage(
        "audit",
        code=CODE,
        settings={
            "labeled": manifest.key,
            "template": page_sha256(TEMPLATE),
            "labels": schema.sha256,
            "classification": settings.classification.model_dump(mode="json"),
            "seed": settings.seed,
        },
        inputs=[labeled],
    )
    if _key_of(target) == plan.key:
        logger.info("%s: labels unchanged, nothing to do", target)
        return target
    members = _members(manifest, settings, schema)
    messages, names = labeled / "messages", schema.names
    counts = count_rows(
        read_rows(messages, names=names, members=members), labels=len(names), members=len(members)
    )
    examples = draw_examples(
        read_rows(messages, names=names, members=members), counts, seed=settings.seed
    )
    sources = Sources(plan.key, settings, manifest, schema, members)
    write_atomically(target, render_page(sources, counts, examples))
    logger.info("%s: %s messages", target, f"{manifest.rows.out:,}")
    return target


def _key_of(target: Path) -> str | None:
    """What an existing page was made from; None for no page, or another one."""
    try:
        with target.open(encoding="utf-8") as file:
            found = _KEY.search(file.read(_HEAD_CHARS))
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return found[1] if found else None


def _members(manifest: Manifest, settings: Settings, schema: LabelSchema) -> list[str]:
    """Names of the teacher's members, once manifest and settings are known to fit together."""
    figures, chosen = manifest.figures, settings.classification.teacher
    teacher, names = figures.get("teacher"), list(figures.get("labels", {}))
    if teacher != chosen or names != list(schema.names):
        raise DataError(
            f"{settings.paths.labeled} was made by the teacher {teacher!r} with the labels "
            f"{', '.join(names)}; the settings name the teacher {chosen!r} and the labels "
            f"{', '.join(schema.names)}: run `make classify`, or name the same settings"
        )
    if "members" not in figures:
        raise DataError(
            f"the manifest of {settings.paths.labeled} has no figure 'members'; "
            "run `make classify` again"
        )
    return list(figures["members"])
