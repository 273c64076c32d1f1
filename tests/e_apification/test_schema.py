"""Generated requests against /openapi.json: every answer is one that it describes, none a 5xx.

Half of them fit the description of their route, half break it. API_FUZZ_CASES says how many there
are (``make api_fuzz``: 10,000), shared evenly among the routes that take something.
"""

import os
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from common.schema import ServingSettings, Settings
from e_apification.app import create_app, load_production

POSTS = ["/predict", "/batch_predict", "/explain", "/evaluate"]
GETS = ["/metadata", "/health", "/ready", "/drift", "/metrics"]  # take nothing that could be broken
FITTING, BROKEN = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
OPERATIONS = [
    *((path, "POST", mode) for path in POSTS for mode in (FITTING, BROKEN)),
    *((path, "GET", FITTING) for path in GETS),
    ("/deploy/{experiment_id}", "POST", FITTING),  # no key: whatever comes is refused
    ("/rollback", "POST", FITTING),
]
CASES = int(os.environ.get("API_FUZZ_CASES", "240"))


@pytest.fixture(scope="module")
def api(models_dir: Path) -> schemathesis.schemas.BaseSchema:
    serving = ServingSettings(workers=1, max_text_chars=500, max_texts=20, max_explain_words=20)
    settings = Settings(run_dir=models_dir.parent, serving=serving)
    predictor = load_production(settings)  # once: each case starts and stops the application
    app = create_app(settings, load=lambda _: predictor)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_every_answer_is_one_that_the_schema_describes(
    api: schemathesis.schemas.BaseSchema, path: str, method: str, mode: GenerationMode
) -> None:
    # What a file must hold is more than a JSON schema can say: some that fit it are refused.
    undecided = [positive_data_acceptance] if path == "/evaluate" else []
    share = max(1, CASES // (2 * len(POSTS)))

    @settings(max_examples=share, deadline=None, database=None, suppress_health_check=HealthCheck)
    @given(case=api[path][method].as_strategy(generation_mode=mode))
    def probe(case: Case) -> None:
        case.call_and_validate(excluded_checks=undecided)

    probe()
