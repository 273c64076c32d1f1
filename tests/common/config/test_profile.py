import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.config.profile import choose_profile, kaggle_credentials


@pytest.fixture
def hub() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_credentials_are_looked_for_in_all_places(tmp_path: Path) -> None:
    assert kaggle_credentials({}, tmp_path) is None
    assert kaggle_credentials({"KAGGLE_USERNAME": "u"}, tmp_path) is None
    assert kaggle_credentials({"KAGGLE_USERNAME": "u", "KAGGLE_KEY": "k"}, tmp_path)
    assert kaggle_credentials({"KAGGLE_API_TOKEN": "t"}, tmp_path) == "KAGGLE_API_TOKEN"
    (tmp_path / ".kaggle").mkdir()
    (tmp_path / ".kaggle/kaggle.json").write_text("{}")
    assert kaggle_credentials({}, tmp_path) == str(tmp_path / ".kaggle/kaggle.json")
    assert kaggle_credentials({"KAGGLE_CONFIG_DIR": str(tmp_path)}, tmp_path) is None


@pytest.mark.parametrize("name", ["access_token", "access_token.txt", "credentials.json"])
def test_each_file_of_the_kaggle_client_counts(tmp_path: Path, name: str) -> None:
    (tmp_path / ".kaggle").mkdir()
    (tmp_path / ".kaggle" / name).write_text("x")
    assert kaggle_credentials({}, tmp_path) == str(tmp_path / ".kaggle" / name)


def test_full_needs_credentials_and_a_hub_that_answers(tmp_path: Path, hub: str) -> None:
    token = {"KAGGLE_API_TOKEN": "secret"}
    assert choose_profile({"HF_ENDPOINT": hub}, tmp_path)[0] == "sample"
    assert choose_profile(token | {"HF_ENDPOINT": hub}, tmp_path)[0] == "full"
    profile, reason = choose_profile(token | {"HF_ENDPOINT": "http://127.0.0.1:9"}, tmp_path)
    assert profile == "sample"
    assert reason.endswith("but the model hub does not answer")
    assert "secret" not in reason
