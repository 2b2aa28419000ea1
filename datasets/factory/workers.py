"""Simulates units in this process or in worker processes, and survives the death of a worker."""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import connection
from multiprocessing.synchronize import Event
from typing import Any

from datasets.factory.errors import BuildError, full_disk, is_full_disk, resume_command
from datasets.factory.recipe import Recipe
from datasets.factory.simulation import stage_unit
from datasets.factory.staging import Staging
from datasets.factory.units import Units

DEATHS = 3
"""Worker deaths in a row, without a finished unit between them, after which a build gives up."""

_GUARD = (
    "Workers import the script that starts them: put its calls under `if __name__ == '__main__':`, define "
    "the recipe in a file, or build with workers=0 in one process."
)


@dataclass(frozen=True)
class Job:
    """All that a worker needs; pickled once per worker."""

    recipe_class: type[Recipe]
    config: Mapping[str, Any]
    units: Units
    staging: Staging

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe, made anew in each process."""
        return self.recipe_class.make(self.config)


@dataclass(frozen=True)
class Failure:
    """An exception as text: exceptions themselves do not always survive pickling."""

    summary: str
    trace: str
    error_number: int | None


def simulate_all(job: Job, units: Iterable[int], workers: int) -> Generator[int]:
    """Simulate and stage units, and yield the number of each when it is done.

    Parameters
    ----------
    job
        What to simulate.
    units
        Numbers of the units.
    workers
        Worker processes; 0 simulates in this process. Chained units run in order in one process.

    Raises
    ------
    BuildError
        When a unit fails, the disk is full, or workers die again and again.
    """
    if workers == 0:
        yield from _in_this_process(job, units)
    else:
        with _one_thread_each():
            yield from _in_processes(job, units, 1 if job.recipe_class.chained else workers)


def _in_this_process(job: Job, units: Iterable[int]) -> Generator[int]:
    for unit in units:
        try:
            stage_unit(job.recipe, job.units, unit, job.staging)
        except Exception as error:
            raise _explain(job, unit, _failure(error)) from error
        yield unit


def _in_processes(job: Job, units: Iterable[int], workers: int) -> Generator[int]:
    _require_importable(job.recipe_class)
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    waiting = deque(units)
    deaths = 0
    while waiting:
        running: dict[Future[Failure | None], int] = {}
        size = min(workers, len(waiting))
        pool = ProcessPoolExecutor(size, context, initializer=_start, initargs=(job, started))
        try:
            while waiting or running:
                while waiting and len(running) <= workers:
                    future = pool.submit(_work, waiting[0])
                    running[future] = waiting.popleft()
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    failure = future.result()
                    unit = running.pop(future)
                    if failure is not None:
                        raise _explain(job, unit, failure)
                    deaths = 0
                    yield unit
        except BrokenProcessPool as error:
            if not started.is_set():
                raise _never_started(job) from error
            deaths += 1
            lost = sorted(running.values())
            if deaths == DEATHS:
                raise _too_many_deaths(job, lost, workers) from error
            waiting.extendleft(reversed(lost))
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


def _start(job: Job, started: Event) -> None:
    """Set up a worker; it must not raise, so that every error is reported with its unit."""
    global _job  # noqa: PLW0603
    _job = job
    started.set()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _work(unit: int) -> Failure | None:
    assert _job is not None
    try:
        stage_unit(_job.recipe, _job.units, unit, _job.staging)
    except Exception as error:
        return _failure(error)
    return None


def _failure(error: Exception) -> Failure:
    number = error.errno if isinstance(error, OSError) else None
    return Failure(f"{type(error).__name__}: {error}", traceback.format_exc(), number)


def _explain(job: Job, unit: int, failure: Failure) -> BuildError:
    url = job.staging.url
    if is_full_disk(failure.error_number):
        return full_disk(url)
    indices = job.units.indices(unit)
    said = failure.summary.rstrip(".: ")
    error = BuildError(
        f"Unit {unit} (records {indices[0]} to {indices[-1]}) of recipe '{job.recipe_class.name}' failed: "
        f"{said}{'' if said.endswith('?') else '.'} Finished units are kept; once that is mended, "
        f"resume with `{resume_command(url)}`."
    )
    error.add_note(f"In the worker:\n{failure.trace}")
    return error


def refuse_in_starting_worker() -> None:
    """Stop a worker that calls `build` while it starts: it imports a script that lacks the usual guard.

    Raises
    ------
    BuildError
        In such a process; its parent then reports that no worker started.
    """
    # The attribute by which multiprocessing itself refuses to start a process in a process that starts.
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise BuildError(f"A worker process imports the script that called build(). {_GUARD}")


def _require_importable(recipe_class: type[Recipe]) -> None:
    try:
        pickle.dumps(recipe_class)
    except (AttributeError, pickle.PicklingError) as error:
        raise BuildError(
            f"Worker processes cannot import recipe '{recipe_class.name}' ({error}). Define its class at the "
            "top of a module, or build with workers=0 in one process."
        ) from error


def _never_started(job: Job) -> BuildError:
    return BuildError(
        f"The worker processes of recipe '{job.recipe_class.name}' ended before they began; what they said "
        f"stands above. {_GUARD}"
    )


def _too_many_deaths(job: Job, lost: list[int], workers: int) -> BuildError:
    url = job.staging.url
    return BuildError(
        f"Worker processes died {DEATHS} times in a row at units {lost}, killed by the system (often for "
        f"lack of memory) or by a crash of the solver. Finished units are kept; resume with fewer workers: "
        f"`{resume_command(url)} workers={max(1, workers // 2)}`."
    )
