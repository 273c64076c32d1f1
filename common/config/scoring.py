"""Bulk scoring: settings of section `scoring`."""

from pydantic import Field

from common.config.section import Section


class ScoringSettings(Section):
    """Stage e: files labeled in bulk."""

    guard_formulas: bool = Field(
        True, description="CSV: an apostrophe before what a spreadsheet would run"
    )
