"""The workers of a Dask cluster that somebody runs: they need this program, and no file of this machine."""

from __future__ import annotations

import logging
import re
import warnings
from concurrent.futures import CancelledError, Future
from typing import Self

from voltadesk import __version__
from voltadesk.errors import BadInput, MissingExtra, NoAnswer, one_line
from voltadesk.sweep.task import LOST, Outcome, Task, run, version

PATIENCE_S = 10  # for a scheduler to answer and for a first worker
TASKS_PER_THREAD = 2  # so that a thread finds its next task with it


class ClusterWorkers:
    """The workers of the cluster whose scheduler has that address, such as tcp://10.0.0.5:8786.

    A task whose worker is lost is given to another by the cluster, as often as it is set up to. Raises BadInput for an
    address that is none and for workers without this version of the program, MissingExtra without the library, NoAnswer
    when there is no scheduler or no worker, or the scheduler goes away.
    """

    def __init__(self, address: str) -> None:
        if not re.fullmatch(r"(tcp|tls)://[^/\s]+:[0-9]{1,5}", address):
            raise BadInput("cluster", address, "must be an address such as tcp://10.0.0.5:8786")
        try:
            import distributed
        except ImportError:
            raise MissingExtra("sweep", "--cluster") from None
        self.address, self._library = address, distributed
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is told by errors

    def __enter__(self) -> Self:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of versions of its parts that differ somewhat
                self._client = self._library.Client(self.address, timeout=PATIENCE_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise NoAnswer(f"cluster = {self.address}: {one_line(str(error)) or 'no answer'}") from None
        try:
            self._check()
            self._tasks = self._client.get_executor(pure=False)
        except BaseException:
            self._client.close()
            raise
        return self

    def _check(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE_S)
        except TimeoutError:
            raise NoAnswer(f"cluster = {self.address}: has no worker") from None
        limit = f"all its workers must have voltadesk {__version__}"
        try:
            found = self._client.run(version)
        except Exception as error:
            raise BadInput("cluster", self.address, one_line(f"{limit}: {error}")) from None
        for worker, its in sorted(found.items()):
            if its != __version__:
                raise BadInput("cluster", self.address, f"{limit}: {worker} has {its}")

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def room(self) -> int:
        try:
            return max(1, TASKS_PER_THREAD * int(sum(self._client.nthreads().values())))
        except (OSError, RuntimeError) as error:
            raise self._gone() from error

    def submit(self, task: Task) -> Future[Outcome]:
        future: Future[Outcome] = self._tasks.submit(run, task)
        return future

    def outcome(self, future: Future[Outcome]) -> Outcome:
        try:
            return future.result()
        except CancelledError:
            raise self._gone() from None
        except self._library.KilledWorker:
            return Outcome({}, error=LOST)  # it has been tried again
        except Exception as error:
            return Outcome({}, error=one_line(f"{type(error).__name__}: {error}"), may_pass=True)

    def _gone(self) -> NoAnswer:
        return NoAnswer(f"cluster = {self.address}: its scheduler went away")
