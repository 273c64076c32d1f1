"""Generated requests against /openapi.json: every answer is one that it describes, none a 5xx.

They fit the description of their route, or break it where there is something to break. At least
API_FUZZ_CASES are sent (``make api_fuzz``: 10,000), shared evenly among what can vary.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from common.config.schema import Settings
from common.config.serving import ServingSettings
from e_apification.api.app import create_app, load_production
from tests.e_apification.conftest import MakeModels
from tests.e_apification.learning import ENTRY, WITH_KEY

FITTING, BROKEN = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
BOTH = [
    ("/predict", "POST"),
    ("/batch_predict", "POST"),
    ("/explain", "POST"),
    ("/evaluate", "POST"),
    ("/add_data", "POST"),
    ("/deploy/{model_id}", "POST"),
    ("/rollback", "POST"),
    ("/retrain/{job}", "GET"),
]
FITTING_ONLY = [
    ("/read", "POST"),  # any text is a table
    ("/retrain", "POST"),
    ("/metrics/{model_id}", "GET"),  # any text may name one
    ("/experiments", "GET"),
    ("/metadata", "GET"),
    ("/health", "GET"),
    ("/ready", "GET"),
    ("/drift", "GET"),
    ("/metrics", "GET"),
]
OPERATIONS = [
    *((path, method, mode) for path, method in BOTH for mode in (FITTING, BROKEN)),
    *((path, method, FITTING) for path, method in FITTING_ONLY),
]
# What fits the description of these can still name what is not there, or hold what is refused.
UNDECIDED = {"/evaluate", "/read", "/add_data", "/deploy/{model_id}", "/rollback", "/retrain"}
CASES = int(os.environ.get("API_FUZZ_CASES", "250"))


@pytest.fixture(scope="module")
def api(make_models: MakeModels) -> schemathesis.schemas.BaseSchema:
    """An application of this module's own, whose store and jobs the requests fill."""
    run_dir: Path = make_models().parent
    serving = ServingSettings(
        workers=1, api_keys=(ENTRY,), max_text_chars=500, max_texts=20, max_explain_words=20
    )
    chosen = Settings(run_dir=run_dir, serving=serving)
    predictor = load_production(chosen)  # once: each case starts and stops the application
    app = create_app(chosen, load=lambda _: predictor)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_every_answer_is_one_that_the_schema_describes(
    api: schemathesis.schemas.BaseSchema, path: str, method: str, mode: GenerationMode
) -> None:
    undecided: list[Any] = [positive_data_acceptance] if path in UNDECIDED else []
    share = -(-CASES // (2 * len(BOTH)))

    @settings(
        max_examples=share, deadline=None, database=None, suppress_health_check=[*HealthCheck]
    )
    @given(case=api[path][method].as_strategy(generation_mode=mode))
    def probe(case: Case[Any]) -> None:
        sent.append(case)
        case.call_and_validate(headers=WITH_KEY, excluded_checks=undecided)

    sent: list[Case[Any]] = []
    probe()
    # Those of BOTH make up all that was asked for; of the others there are fewer to be had.
    assert len(sent) >= share or (path, method) not in BOTH
