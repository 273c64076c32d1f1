import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

from e_apification.launch.running import Running


def test_a_pid_counts_only_with_its_start_time() -> None:
    started = psutil.Process().create_time()
    assert Running(key="a", pid=os.getpid(), started=started).is_alive()
    assert not Running(key="a", pid=os.getpid(), started=started - 60).is_alive()
    assert not Running(key="a", pid=2**22 + 1, started=started).is_alive()


def test_a_note_that_is_damaged_is_none(tmp_path: Path) -> None:
    note = tmp_path / "api.json"
    assert Running.read(note) is None
    running = Running(key="a", pid=7, started=1.5).write(note)
    assert Running.read(note) == running
    note.write_text('{"kind": ')
    assert Running.read(note) is None


def test_a_note_goes_with_its_folder_and_not_with_a_copy(tmp_path: Path) -> None:
    first, copied, moved = (tmp_path / name for name in ("first", "copied", "moved"))
    running = Running(key="a", pid=7, started=1.5).write(first / "api.json")
    shutil.copytree(first, copied)
    assert Running.read(copied / "api.json") is None
    assert Running.read(first / "api.json") == running
    first.rename(moved)
    assert Running.read(moved / "api.json") == running


def spawn(on_sigterm: str) -> subprocess.Popen[bytes]:
    code = (
        f"import signal, sys, time; signal.signal(signal.SIGTERM, {on_sigterm});"
        "print('up', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    return process


def stop(process: subprocess.Popen[bytes], *, patience_s: float) -> bytes:
    """What it writes from then on."""
    started = psutil.Process(process.pid).create_time()
    running = Running(key="a", pid=process.pid, started=started)
    running.stop(patience_s=patience_s)
    assert not running.is_alive()
    written, _ = process.communicate(timeout=5)
    return written


def test_stop_asks_first() -> None:
    polite = spawn("lambda *_: (print('asked', flush=True), sys.exit())")
    assert stop(polite, patience_s=15) == b"asked\n"


def test_stop_kills_what_does_not_listen() -> None:
    deaf = spawn("signal.SIG_IGN")
    started = time.monotonic()
    assert stop(deaf, patience_s=0.3) == b""
    assert 0.3 <= time.monotonic() - started < 10
