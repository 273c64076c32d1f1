"""What the tests of the learning routes share: a key, and an application that knows it."""

import hashlib

from common.config.serving import ServingSettings

KEY = "triage_a-key-of-the-tests"
ENTRY = f"ada:{hashlib.sha256(KEY.encode()).hexdigest()}"
WITH_KEY = {"X-API-Key": KEY}


def serving(**changes: object) -> ServingSettings:
    """Serving settings with one key, and limits small enough to be reached."""
    return ServingSettings(
        workers=1, max_text_chars=200, max_feedback_rows=50, max_body_mb=0.01,
        api_keys=(ENTRY,), **changes,
    )  # fmt: skip
