"""Units in this process or in worker processes of this machine; a build survives their deaths."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Annotated

from pydantic import Field

from datasets.factory.advice import how_to_resume
from datasets.factory.errors import BuildError
from datasets.factory.executors.contract import Executor
from datasets.factory.jobs import Failure, Job, explain, failure_of, require_importable
from datasets.factory.simulation import stage_unit

DEATHS = 3
"""Worker deaths in a row, without a finished unit between them, after which a build gives up."""

UNGUARDED = 78
"""Exit status of a worker whose script starts a build while the worker imports it."""

GUARD = (
    "Workers import the script that starts them: put its calls under `if __name__ == '__main__':`, define "
    "the recipe in a file, or build with workers=0 in one process."
)
"""What a script needs that starts workers."""


class Processes(Executor):
    """Simulates units in worker processes of this machine.

    Parameters
    ----------
    workers
        Worker processes; 0 simulates in the process that builds.
    """

    in_memory = True

    def __init__(self, workers: Annotated[int, Field(ge=0, le=4096)] = 1) -> None:
        self.workers = workers

    def simulate(self, job: Job, units: Sequence[int]) -> Generator[int]:
        """Simulate and stage units; chained ones run in one process."""
        if self.workers == 0:
            yield from _in_this_process(job, units)
        else:
            with _one_thread_each():
                yield from _in_processes(job, units, 1 if job.recipe_class.chained else self.workers)


def _in_this_process(job: Job, units: Sequence[int]) -> Generator[int]:
    for unit in units:
        try:
            stage_unit(job.recipe, job.units, unit, job.staging)
        except Exception as error:
            raise explain(job, unit, failure_of(error)) from error
        yield unit


def _in_processes(job: Job, units: Sequence[int], workers: int) -> Generator[int]:
    require_importable(job.recipe_class)
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    ending, ours = context.Pipe(duplex=False)
    waiting = deque(units)
    deaths = 0
    while waiting:
        running: dict[Future[Failure | None], int] = {}
        size = min(workers, len(waiting))
        fresh = size * (job.recipe_class.units_per_worker or len(waiting))  # units before the next pool
        processes: dict[int, BaseProcess] = {}
        pool = ProcessPoolExecutor(size, context, initializer=_start, initargs=(job, started, ending))
        try:
            while running or (waiting and fresh):
                while waiting and fresh and len(running) <= workers:
                    fresh -= 1
                    future = pool.submit(_work, waiting[0])
                    running[future] = waiting.popleft()
                    processes |= pool._processes
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    failure = future.result()
                    unit = running.pop(future)
                    if failure is not None:
                        raise explain(job, unit, failure)
                    deaths = 0
                    yield unit
        except BrokenProcessPool as error:
            if not started.is_set():
                pool.shutdown(wait=True)  # its thread waits for the processes too; only then are exits known
                raise _never_started(job, processes.values()) from error
            deaths += 1
            lost = sorted(running.values())
            if deaths == DEATHS:
                raise _too_many_deaths(job, lost, workers) from error
            waiting.extendleft(reversed(lost))
        except (GeneratorExit, KeyboardInterrupt, SystemExit):  # a unit may take longer than there is time
            ours.close()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let workers started now use one numerical thread each, unless the user has chosen a number."""
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]


_job: Job | None = None


def _start(job: Job, started: Event, ending: Connection) -> None:
    """Set up a worker; it must not raise, so that every error is reported with its unit."""
    global _job  # noqa: PLW0603
    _job = job
    started.set()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_build, args=(ending,), daemon=True).start()


def _end_with_build(ending: Connection) -> None:
    """End this process when the build has closed its end of a pipe, or died."""
    ending.poll(None)
    os._exit(1)


def _work(unit: int) -> Failure | None:
    assert _job is not None
    try:
        stage_unit(_job.recipe, _job.units, unit, _job.staging)
    except Exception as error:
        return failure_of(error)
    return None


def refuse_in_starting_worker() -> None:
    """Stop a worker that calls `build` while it starts: it imports a script that lacks the usual guard.

    Raises
    ------
    SystemExit
        In such a process, with the status `UNGUARDED`; its parent then reports that no worker started.
    """
    # The attribute by which multiprocessing itself refuses to start a process in a process that starts.
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        print(
            f"A worker process imports the script that called build(). {GUARD}", file=sys.stderr, flush=True
        )
        raise SystemExit(UNGUARDED)


def _never_started(job: Job, processes: Iterable[BaseProcess]) -> BuildError:
    """Return why no worker began; the pool ends (SIGTERM) those that outlive the first to die."""
    name, codes = job.recipe_class.name, []
    for process in processes:
        process.join(1.0)
        codes.append(process.exitcode)
    first = next((code for code in codes if code not in (None, 0, -signal.SIGTERM)), None)
    resume = how_to_resume(job.staging.url, job.recipe_class, workers=1)
    if first == UNGUARDED:
        return BuildError(
            f"The worker processes of recipe '{name}' ended before they began; what they said "
            f"stands above. {GUARD}"
        )
    if first is not None and first < 0:
        return BuildError(
            f"The worker processes of recipe '{name}' were killed by "
            f"{signal.Signals(-first).name} while they started, "
            f"often for lack of memory; with fewer workers {resume}."
        )
    return BuildError(
        f"The worker processes of recipe '{name}' ended before they began (exit status "
        f"{first}); what they said stands "
        "above, often a module that a new process cannot import. Mend that, or build with "
        "workers=0 in one process."
    )


def _too_many_deaths(job: Job, lost: list[int], workers: int) -> BuildError:
    url = job.staging.url
    return BuildError(
        f"Worker processes died {DEATHS} times in a row at units {lost}, killed by the system (often for "
        f"lack of memory) or by a crash of the solver. Finished units are kept; with fewer workers at a time "
        f"{how_to_resume(url, job.recipe_class, workers=max(1, workers // 2))}."
    )
