from pathlib import Path

import jdk
import pytest

from common.errors import TriageError
from common.runtime import java


def fake_java(home: Path, version: str) -> Path:
    (home / "bin").mkdir(parents=True)
    binary = home / "bin/java"
    binary.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025' >&2\n")
    binary.chmod(0o755)
    return home


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any Java."""
    monkeypatch.setattr(java, "ROOT", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


def test_java_home_comes_before_the_project_folder(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = fake_java(bare / ".java/jdk-17", "17.0.1")
    assert java.find_java_home() == inside
    named = fake_java(bare / "named", "21.0.2")
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert java.find_java_home() == named


def test_too_old_a_java_is_passed_over(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(bare / "old", "11.0.2")))
    with pytest.raises(TriageError, match="needs Java 17 or 21"):
        java.find_java_home()


def test_env_downloads_a_java_where_there_is_none(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(version: str, *, jre: bool, path: str) -> str:
        assert (version, jre) == ("17", True)
        return str(fake_java(Path(path) / "jdk-17-jre", "17.0.9"))

    monkeypatch.setattr(jdk, "install", install)
    assert java.main() == 0
    assert java.find_java_home() == bare / ".java/jdk-17-jre"


def test_a_forbidden_download_names_the_one_command(
    bare: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def install(version: str, **_: object) -> str:
        raise jdk.JdkError("refused")

    monkeypatch.setattr(jdk, "install", install)
    monkeypatch.setattr(java, "configure_logging", lambda: None)
    assert java.main() == 1
    assert "apt-get install -y openjdk-17-jre-headless" in caplog.text
