import hashlib
import re
import subprocess
import sys
from pathlib import Path

from common.config import secret_files
from common.config.secret_files import make_secrets

NAMES = ["api_key", "api_keys", "grafana_password", "mlflow_url", "postgres_password", "store_url"]


def read(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_they_are_drawn_once_and_fit_one_another(tmp_path: Path) -> None:
    made = make_secrets(tmp_path / "secrets")

    found = read(tmp_path / "secrets")
    assert sorted(path.name for path in made) == sorted(found) == NAMES
    password = found["postgres_password"].removesuffix("\n")
    assert re.fullmatch("[0-9a-f]{64}", password)
    assert found["store_url"] == f"postgresql://triage:{password}@postgres:5432/triage\n"
    assert found["mlflow_url"] == f"postgresql+psycopg://triage:{password}@postgres:5432/mlflow\n"
    key = found["api_key"].removesuffix("\n").encode()
    assert found["api_keys"] == f"operator:{hashlib.sha256(key).hexdigest()}\n"
    assert make_secrets(tmp_path / "secrets") == []
    assert read(tmp_path / "secrets") == found
    other = tmp_path / "other"
    make_secrets(other)
    assert not set(read(other).values()) & set(found.values())


def test_nobody_but_their_owner_and_whom_they_are_mounted_for_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o755)
    make_secrets(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}


def test_what_is_there_is_kept_and_the_rest_fits_it(tmp_path: Path) -> None:
    (tmp_path / "postgres_password").write_text("mine")
    (tmp_path / "api_keys").write_text("ada:hash\n")  # the plain key is elsewhere
    (tmp_path / ".store_url.part").write_text("of a run that was killed")
    (tmp_path / ".store_url.part").chmod(0o444)

    make_secrets(tmp_path)

    assert (tmp_path / "postgres_password").read_text() == "mine"
    assert (tmp_path / "api_keys").read_text() == "ada:hash\n"
    assert (tmp_path / "store_url").read_text() == "postgresql://triage:mine@postgres:5432/triage\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES[1:]


def test_the_command_prints_paths_and_no_value(tmp_path: Path) -> None:
    command = [sys.executable, "-I", secret_files.__file__, str(tmp_path / "secrets")]
    first, second = (
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    )
    paths = [str(tmp_path / "secrets" / name) for name in NAMES]
    assert first.splitlines() == [f"made  {path}" for path in paths]
    assert second.splitlines() == [f"kept  {path}" for path in paths]
