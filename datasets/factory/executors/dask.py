"""Units on the workers of a Dask cluster: one that is running somewhere, or one of this machine."""

import logging
import math
import pickle
import platform
import queue
import uuid
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from importlib import metadata
from time import monotonic
from typing import NoReturn

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, Reschedule, Worker, get_worker

from datasets.factory.errors import BuildError
from datasets.factory.executors.contract import Executor, Workers
from datasets.factory.executors.processes import GUARD
from datasets.factory.jobs import Failure, Job, explain, failure_of, require_importable
from datasets.factory.lock import is_held
from datasets.factory.recipe import Recipe
from datasets.factory.simulation import stage_unit
from datasets.store.patience import Unanswered
from surrogates.core.errors import ConfigError

CONNECT = 5.0
"""Seconds within which a scheduler has to answer."""
PATIENCE = 60.0
"""Seconds without any worker after which a build gives up."""
GLANCE = 1.0
"""Seconds between two looks at the connection and the workers."""


class Dask(Executor):
    """Simulates units on the workers of a Dask cluster, which have to reach the URL of the store.

    A worker process simulates one unit at a time, in one thread (``dask worker ADDRESS --nthreads 1``).

    Parameters
    ----------
    scheduler
        Address of the scheduler, such as ``tcp://host:8786``; None starts a cluster on this machine.
    workers
        Worker processes of a cluster on this machine, 1 by default; a scheduler has its own.
    """

    def __init__(self, scheduler: str | None = None, workers: Workers | None = None) -> None:
        if scheduler is not None and workers is not None:
            raise ConfigError(
                f"executor 'dask': scheduler={scheduler} has workers of its own; leave workers={workers} out."
            )
        self.scheduler, self.workers = scheduler, workers or 1

    def simulate(self, job: Job, units: Sequence[int]) -> Generator[int]:
        """Simulate and stage units; Dask repeats those whose worker dies."""
        require_importable(job.recipe_class)
        with self._client(job) as client:
            yield from _simulate(client, job, units)

    @contextmanager
    def _client(self, job: Job) -> Iterator[Client]:
        if self.scheduler is None:
            with local_cluster(self.workers) as cluster, Client(cluster, set_as_default=False) as client:
                yield client
            return
        try:
            client = Client(self.scheduler, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BuildError(
                f"No Dask scheduler answers at {self.scheduler} within {CONNECT:g} s. Start one "
                f"(`dask scheduler`), or mend the address; then {job.how_to_resume}."
            ) from error
        with client:
            yield client


@contextmanager
def local_cluster(workers: int) -> Iterator[LocalCluster]:
    """Start a cluster on this machine, and end it.

    Parameters
    ----------
    workers
        Worker processes, of one thread each.

    Raises
    ------
    BuildError
        When no workers start.
    """
    # A cluster would give up a worker that is away when it looks, even one that starts anew at that moment,
    # and one that is silent for minutes, as in a solver that lets no other thread run. A dead one is seen.
    patient = {"deploy.lost-worker-timeout": "1000 days", "scheduler.worker-ttl": None}
    with dask.config.set({f"distributed.{key}": value for key, value in patient.items()}):
        try:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=None,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
        except RuntimeError as error:
            raise BuildError(f"Dask started no workers on this machine ({error}). {GUARD}") from error
        with cluster:
            yield cluster


def _simulate(client: Client, job: Job, units: Sequence[int]) -> Generator[int]:
    payload = pickle.dumps((job, versions(job.recipe_class.make(job.config))))
    build = uuid.uuid4().hex  # what is left of another build of the store has other keys
    chained, workers = job.recipe_class.chained, _Workers(client)
    waiting, running = deque(units), dict[int, Future]()
    done: queue.SimpleQueue[tuple[int, str | None]] = queue.SimpleQueue()
    while waiting or running:
        if client.status != "running":
            raise _lost(client, job)
        addresses = workers.found(job)
        room = min(1, len(addresses)) if chained else 2 * len(addresses)
        while waiting and len(running) < room:
            unit = waiting.popleft()
            running[unit] = client.submit(
                _work,
                payload,
                unit,
                key=(f"unit-{build}", unit),
                workers=addresses[:1] if chained else None,  # another one takes over if it dies
                allow_other_workers=chained,
            )
            running[unit].add_done_callback(partial(_let_go, unit, done))
        try:
            unit, status = done.get(timeout=GLANCE)
        except queue.Empty:
            continue
        workers.worked()
        future = running.pop(unit)
        if status == "error":
            others = [other for other, their in running.items() if their.status == "error"]
            raise _failed(job, unit, others, future.exception())
        if status == "cancelled":
            raise _lost(client, job)
        yield unit


def _let_go(unit: int, done: "queue.SimpleQueue[tuple[int, str | None]]", future: Future) -> None:
    """Note the end of a unit; of a finished one Dask need keep nothing, or repeat it when its worker goes."""
    status = future.status
    if status == "finished":
        future.release()
    done.put((unit, status))


class _Workers:
    """The workers of a cluster, which come and go: asked for now and then."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._addresses: list[str] = []
        self._asked, self._seen = -math.inf, monotonic()

    def worked(self) -> None:
        """Note that one has worked, which may have come and gone between two looks."""
        self._seen = monotonic()

    def found(self, job: Job) -> list[str]:
        """Return their sorted addresses; refuse to wait for ever for the first of them."""
        if monotonic() - self._asked > GLANCE:
            with suppress(OSError):  # a busy scheduler answers late, and one that is lost ends the client
                self._addresses = sorted(self._client.nthreads())
            self._asked = monotonic()
        if self._addresses:
            self._seen = monotonic()
        elif monotonic() - self._seen > PATIENCE:
            address = _address(self._client)
            raise BuildError(
                f"The Dask scheduler {address} has had no workers for {PATIENCE:g} s. Finished units are "
                f"kept: start workers (`dask worker {address} --nthreads 1`), then {job.how_to_resume}."
            )
        return self._addresses


def _address(client: Client) -> str:
    return "" if client.scheduler is None else str(client.scheduler.address)


def _lost(client: Client, job: Job) -> BuildError:
    return BuildError(
        f"The connection to the Dask scheduler {_address(client)} was lost. Finished units are kept: "
        f"when it runs again, {job.how_to_resume}."
    )


def _failed(job: Job, unit: int, others: list[int], error: BaseException) -> BuildError | Unanswered:
    """Return what to tell; Dask knows the units that a dead worker held, not which one it was at."""
    if isinstance(error, KilledWorker):
        return BuildError(
            f"Dask workers died again and again at units {sorted([unit, *others])}, killed by the system "
            f"(often for lack of memory), by a crash of the solver, or by a scheduler that did not hear from "
            f"them for its `distributed.scheduler.worker-ttl`, since the solver lets no other thread run. "
            f"Finished units are kept; with fewer workers on a machine, or more time, {job.how_to_resume}."
        )
    found = error.failure if isinstance(error, UnitError) else failure_of(Exception(str(error)))
    return explain(job, unit, found)


class UnitError(Exception):
    """What went wrong with a unit, on its way from a worker."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


def versions(recipe: Recipe) -> dict[str, str]:
    """Return what has to be equal where a build is driven and where its units are simulated."""
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "sciml-surrogates": metadata.version("sciml-surrogates"),
        f"recipe '{recipe.name}'": str(recipe.version),
        **recipe.software(),
    }


_simulated = 0
"""Units that this worker process has simulated."""
_leaving = False
"""Whether this worker process is to be replaced."""


def _work(payload: bytes, unit: int) -> None:
    """Simulate and stage a unit; any number of workers may do so, at any time."""
    global _simulated  # noqa: PLW0603
    try:
        job = _loaded(payload)
        if _simulated >= (job.recipe_class.units_per_worker or math.inf):
            _replace_worker()
        _simulated += 1
        stage_unit(job.recipe, job.units, unit, job.staging, wanted=lambda: is_held(job.staging.store))
    except Reschedule:
        raise
    except Exception as error:
        raise UnitError(failure_of(error)) from None


@lru_cache(maxsize=1)
def _loaded(payload: bytes) -> Job:
    """Return the job of a build, if this worker process is fit for it.

    Raises
    ------
    BuildError
        Names what differs, and the remedy.
    """
    job, expected = pickle.loads(payload)
    worker, found = get_worker(), versions(job.recipe)
    for name in sorted(expected.keys() | found.keys()):
        if found.get(name) != expected.get(name):
            raise BuildError(
                f"the Dask worker {worker.address} has {name} {found.get(name, 'not at all')}, expected "
                f"{expected.get(name, 'none')} as where the build was started; install the same there"
            )
    if worker.state.nthreads != 1:
        raise BuildError(
            f"the Dask worker {worker.address} has {worker.state.nthreads} threads, expected 1, since "
            "solvers share no process; start it by `dask worker ADDRESS --nthreads 1 --nworkers N`"
        )
    if job.recipe_class.units_per_worker and worker.nanny is None:
        raise BuildError(
            f"the Dask worker {worker.address} has no nanny, which replaces it after "
            f"{job.recipe_class.units_per_worker} units as the recipe asks; start it without --no-nanny"
        )
    if not is_held(job.staging.store):
        raise BuildError(
            f"the Dask worker {worker.address} does not reach {job.staging.url} as the build does; give a "
            "folder or a URL as `out=` that all machines share"
        )
    return job


def _replace_worker() -> NoReturn:
    """Let the nanny replace this worker process, and Dask give the unit to another."""
    global _leaving  # noqa: PLW0603
    worker = get_worker()
    if not _leaving and worker.nanny is not None:
        worker.loop.add_callback(_ask, worker, str(worker.nanny))
        _leaving = True
    raise Reschedule


async def _ask(worker: Worker, nanny: str) -> None:
    """Ask for a new process.

    `Worker.close_gracefully(restart=True)` would do, but for a race: a scheduler that drops the worker
    before its process ends makes it end its nanny as well.
    """
    with suppress(OSError):  # this process ends before the answer
        async with worker.rpc(nanny) as asked:
            await asked.restart(reason="units-per-worker")
