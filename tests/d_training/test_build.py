import re

from d_training.build import code_commit


def test_commit_is_a_git_digest_or_unknown() -> None:
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", code_commit())
