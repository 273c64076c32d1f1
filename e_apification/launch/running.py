"""What was started, a background process or a container, as a note in RUN_DIR/.cache tells.

A process is known by its pid and start time, as a pid alone may be someone else's by now.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal, Self

import psutil
from pydantic import BaseModel, ValidationError

from common.config.schema import Settings
from common.config.settings import PREFIX, ROOT, environment_of
from common.stage.files import write_atomically
from e_apification.launch import container

Kind = Literal["process", "docker", "podman"]
_CLOCK_STEP_S = 1.0  # by which the system may have set its clock since


class Running(BaseModel, frozen=True):
    """A process of the virtual environment, or the container of an engine.

    key: digest of what it was started with, which tells whether it is up to date.
    home: the folder of its note, as it was then called.
    """

    kind: Kind = "process"
    key: str
    url: str = ""
    pid: int = 0
    started: float = 0
    home: Path | None = None

    @classmethod
    def read(cls, note: Path) -> Self | None:
        """What was started, alive or not; None where nothing was, or for what this is a copy of."""
        try:
            running = cls.model_validate_json(note.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        home = running.home or note.parent
        ours = not home.exists() or home.samefile(note.parent)  # it may have been moved
        return running if ours else None

    def write(self, note: Path) -> Self:
        """Remember it."""
        here = self.model_copy(update={"home": note.parent.resolve()})
        write_atomically(note, here.model_dump_json() + "\n")
        return here

    def is_alive(self) -> bool:
        """Whether it runs, and not another one in its place."""
        if self.kind != "process":
            return container.is_running(self.kind, key=self.key)
        return self._process() is not None

    def stop(self, *, patience_s: float) -> None:
        """Ask it to finish what it does, and kill it where that takes longer."""
        if self.kind != "process":
            container.remove_container(self.kind, patience_s=patience_s)
        elif process := self._process():
            process.terminate()
            for late in psutil.wait_procs([process], timeout=patience_s)[1]:
                late.kill()
                late.wait()

    def last_lines(self, note: Path) -> str:
        """What it wrote last."""
        if self.kind != "process":
            return container.last_lines(self.kind)
        log = note.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(log.splitlines()[-5:])

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            ours = abs(process.create_time() - self.started) < _CLOCK_STEP_S
            return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def spawn(settings: Settings, *command: str, note: Path, key: str, url: str = "") -> Running:
    """Start ``python -m command``, which outlives this process; its log lies beside the note."""
    # The settings go by environment: they hold secrets, and everybody may read a command line.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with note.with_suffix(".log").open("w", encoding="utf-8") as log:
        process = psutil.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=outside | environment_of(settings),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    return Running(key=key, url=url, pid=process.pid, started=process.create_time()).write(note)
