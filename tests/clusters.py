"""A Spark cluster on this machine: a master and two workers of one core, as processes of the installed distribution."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import pyspark

from obs2seq.aws.states import RunState, Status
from obs2seq.aws.waiting import Patience, wait
from obs2seq.warehouses.java import find_java
from obs2seq.warehouses.java_launcher import launchable_home
from obs2seq.warehouses.lanes import java_lane_of

SPARK = Path(pyspark.__file__).parent
N_WORKERS = 2
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
LOOPBACK = ("--host", "127.0.0.1", "--port", 0, "--webui-port", 0)
WORKER = ("org.apache.spark.deploy.worker.Worker", *LOOPBACK, "--cores", 1, "--memory", "512m")
JOB = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": QUICK,
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": QUICK,
    "spark.cores.max": N_WORKERS,
    # No task starts before both workers take part.
    "spark.scheduler.minRegisteredResourcesRatio": 1,
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "120s",
    # As if each worker had a disk of its own, and what one has shuffled were lost with it.
    "spark.shuffle.readHostLocalDisk": "false",
    "spark.shuffle.io.retryWait": "100ms",
    "spark.ui.enabled": "false",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.compress": "false",
    "spark.eventLog.rolling.enabled": "false",
}
PATIENCE = Patience(first=0.02, longest=0.02, deadline=120)


@dataclass(frozen=True)
class Program:
    """A process and all that it starts, such as a worker with its executors."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def has_said(self, text: str) -> bool:
        return text in self.said

    def signal(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def until(self, is_so: Callable[[], object]) -> None:
        """Wait for what the program brings about."""
        status = wait(lambda: self._status(is_so), PATIENCE, changed=lambda _: None)
        assert status.state is RunState.SUCCEEDED, self.said

    def _status(self, is_so: Callable[[], object]) -> Status:
        is_alive = self.is_alive  # asked first, as what a program did before its end counts
        if is_so():
            return Status(RunState.SUCCEEDED, "done")
        return Status(RunState.RUNNING, "alive") if is_alive else Status(RunState.FAILED, "ended")


@dataclass(frozen=True)
class Job(Program):
    """A spark-submit."""

    history: Path

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        self.until(lambda: not self.is_alive)
        return self.process.returncode

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return what Spark noted of a kind, such as TaskEnd, in order; after the end."""
        (path,) = (path for path in self.history.iterdir() if not path.name.startswith("."))
        noted = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [event for event in noted if event["Event"] == f"SparkListener{kind}"]


class Cluster:
    """A master, its workers and their jobs, in an environment that names nothing of the tests' own.

    Args:
        folder: Where all of them leave what they write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[Program] = []
        self._started: list[Program] = []
        self._environment = _environment(folder)
        master = self._start("spark-class", "org.apache.spark.deploy.master.Master", *LOOPBACK)
        master.until(partial(master.has_said, "I have been elected leader"))
        self._url = re.findall(r"Starting Spark master at (spark://\S+)", master.said)[0]

    def fill(self) -> None:
        """Start workers where some are missing; what earlier jobs were sent, 400 MB for each executor, goes."""
        self._clear()
        self.workers = [worker for worker in self.workers if worker.is_alive]
        words = (*WORKER, "--work-dir", self.folder / "work", self._url)
        missing = range(N_WORKERS - len(self.workers))
        self.workers += [self._start("spark-class", *words) for _ in missing]
        for worker in self.workers:
            worker.until(partial(worker.has_said, "Successfully registered with master"))

    def submit(self, *words: object, settings: Mapping[str, object]) -> Job:
        """Start a job: what follows the options of spark-submit, and settings of Spark."""
        history = self.folder / f"history-{len(self._started)}"
        history.mkdir()
        given = {**JOB, "spark.master": self._url, "spark.eventLog.dir": history.as_uri(), **settings}
        options = [word for name, value in given.items() for word in ("--conf", f"{name}={value}")]
        program = self._start("spark-submit", *options, *words)
        return Job(program.process, program.log, history)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End all that was started and has not ended."""
        for program in reversed(self._started):
            with suppress(ProcessLookupError):
                program.signal(signal.SIGKILL)
            program.process.wait()
        self._clear()

    def _clear(self) -> None:
        for folder in (self.folder / "work").glob("app-*"):
            shutil.rmtree(folder, ignore_errors=True)  # an executor may be about to end

    def _start(self, script: str, *words: object) -> Program:
        log = self.folder / f"{script}-{len(self._started)}.log"
        command = ["bash", str(SPARK / "bin" / script), *map(str, words)]
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self._started.append(Program(process, log))
        return self._started[-1]


def _environment(folder: Path) -> dict[str, str]:
    java = find_java(java_lane_of(pyspark.__version__))
    assert java is not None
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "JAVA_HOME": str(launchable_home(java.path)),
        "SPARK_HOME": str(SPARK),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_MEMORY": "256m",
        # Spark 4.1 would take orders by REST as well, at a fixed port.
        "SPARK_DAEMON_JAVA_OPTS": f"{QUICK} -Dspark.master.rest.enabled=false",
    }
