"""Start Spark's Java process, or say in one line why it does not start."""

import logging
import os
import re
import threading
from typing import TYPE_CHECKING, Any

from common.errors import TriageError

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

# What other programs' variables may change of the start.
_VARIABLES = (
    "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "PYSPARK_GATEWAY_PORT",
    "PYSPARK_SUBMIT_ARGS", "SPARK_HOME", "SPARK_LOCAL_DIRS", "SPARK_LOCAL_HOSTNAME",
    "SPARK_SUBMIT_OPTS", "TMPDIR",
)  # fmt: skip
_EXPECTED = b"WARNING: Using incubator modules"
_TELLING = re.compile(
    "error|exception|fail|invalid|could not|cannot|can't|no space|not enough|unresponsive", re.I
)
_NOT_TELLING = (
    "at ", "Py4JJavaError: An error occurred", "Error occurred during initialization of VM",
    "java.lang.IllegalStateException: Cannot call methods on a stopped",
)  # fmt: skip
_PREFIX = re.compile(r"^(: |\d\d:\d\d:\d\d )")  # of Java's errors, and of Spark's log
_LONGEST = 500


def start_spark(conf: "SparkConf") -> "SparkSession":
    """A session with these settings; its Java process is one for all sessions of this process.

    Raises:
        TriageError: if Spark does not start, with what it or Java said.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark import SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    errors, log = _Written(), logging.getLogger()
    gateway: Any = SparkContext._gateway  # noqa: SLF001 no other name for it
    log.addFilter(_not_of_py4j)
    try:
        gateway = gateway or launch_gateway(conf, popen_kwargs=errors.streams)
        SparkContext._ensure_initialized(gateway=gateway)  # noqa: SLF001
        session = SparkSession.builder.config(conf=conf).getOrCreate()
    except Exception as error:  # noqa: BLE001 of Java, sockets, files, or Spark's own Python
        described = _described(error)
        if gateway:
            gateway.shutdown()
        if gateway and gateway.proc:
            gateway.proc.kill()
            gateway.proc.wait()
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001 dead by now
        java = described if isinstance(error, Py4JJavaError) else ""
        reason = _telling_line(f"{java}\n{errors.read_all()}") or described
        raise TriageError(f"Spark does not start: {reason[:_LONGEST]} ({_given(conf)})") from None
    finally:
        log.removeFilter(_not_of_py4j)
    errors.pass_on()
    return session


class _Written:
    """What a Java process writes: kept until it has started, then passed on to our stderr."""

    def __init__(self) -> None:
        source, self._end = os.pipe()
        self.streams = {"stdout": self._end, "stderr": self._end}
        self._lock = threading.Lock()
        self._kept: bytes | None = b""
        self._reader = threading.Thread(target=self._read, args=[source], daemon=True)
        self._reader.start()

    def pass_on(self) -> None:
        """Write what was kept, but for what is expected, and from now on all."""
        os.close(self._end)
        with self._lock:
            lines = (self._kept or b"").splitlines(keepends=True)
            os.write(2, b"".join(line for line in lines if not line.startswith(_EXPECTED)))
            self._kept = None

    def read_all(self) -> str:
        """All that a process wrote which has ended."""
        os.close(self._end)
        self._reader.join(timeout=5)
        return (self._kept or b"").decode(errors="replace")

    def _read(self, source: int) -> None:
        while piece := os.read(source, 2**16):
            with self._lock:
                if self._kept is None:
                    os.write(2, piece)
                else:
                    self._kept += piece
        os.close(source)


def _not_of_py4j(record: logging.LogRecord) -> bool:
    """It logs a traceback on the root logger where the Java process has ended."""
    return "py4j" not in record.pathname


def _described(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except OSError:  # Java's errors ask its process, which may have ended
        return type(error).__name__


def _telling_line(written: str) -> str:
    """The first line that names an error, without the stack; empty where there is none."""
    lines = (_PREFIX.sub("", line.strip()) for line in written.splitlines())
    telling = (
        line for line in lines if _TELLING.search(line) and not line.startswith(_NOT_TELLING)
    )
    return next(telling, "")


def _given(conf: "SparkConf") -> str:
    """What decides how Spark starts: two settings, and the names of others' variables."""
    settings = [f"spark.master {conf.get('spark.master')}"]
    settings.append(f"spark.driver_memory {conf.get('spark.driver.memory')}")
    return ", ".join([*settings, *(f"${name}" for name in _VARIABLES if os.environ.get(name))])
