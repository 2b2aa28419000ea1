"""Simulates units in this process or in worker processes, and survives the death of a worker."""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Any

from datasets.factory.advice import full_disk, how_to_resume, is_full_disk
from datasets.factory.errors import BuildError
from datasets.factory.recipe import Recipe
from datasets.factory.simulation import stage_unit
from datasets.factory.staging import Staging
from datasets.factory.units import Units

DEATHS = 3
"""Worker deaths in a row, without a finished unit between them, after which a build gives up."""

UNGUARDED = 78
"""Exit status of a worker whose script starts a build while the worker imports it."""

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
    ending, ours = context.Pipe(duplex=False)
    waiting = deque(units)
    deaths = 0
    while waiting:
        running: dict[Future[Failure | None], int] = {}
        size = min(workers, len(waiting))
        processes: dict[int, BaseProcess] = {}
        pool = ProcessPoolExecutor(size, context, initializer=_start, initargs=(job, started, ending))
        try:
            while waiting or running:
                while waiting and len(running) <= workers:
                    future = pool.submit(_work, waiting[0])
                    running[future] = waiting.popleft()
                    processes |= pool._processes
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    failure = future.result()
                    unit = running.pop(future)
                    if failure is not None:
                        raise _explain(job, unit, failure)
                    deaths = 0
                    yield unit
        except BrokenProcessPool as error:
            if not started.is_set():
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
        return _failure(error)
    return None


def _failure(error: Exception) -> Failure:
    number = error.errno if isinstance(error, OSError) else None
    return Failure(f"{type(error).__name__}: {error}", traceback.format_exc(), number)


def _explain(job: Job, unit: int, failure: Failure) -> BuildError:
    url = job.staging.url
    if is_full_disk(failure.error_number):
        return full_disk(url, job.recipe_class, failure.error_number)
    indices = job.units.indices(unit)
    said = failure.summary.rstrip(".: ")
    advice = f"once that is mended, {how_to_resume(url, job.recipe_class)}"
    if job.recipe_class.formats:  # it reads files, and does not resume with changed ones
        advice = (
            f"{how_to_resume(url, job.recipe_class)}, or after a change of files or keys give another `out=`"
        )
    error = BuildError(
        f"Unit {unit} (records {indices[0]} to {indices[-1]}) of recipe '{job.recipe_class.name}' failed: "
        f"{said}{'' if said.endswith('?') else '.'} Finished units are kept; {advice}."
    )
    error.add_note(f"In the worker:\n{failure.trace}")
    return error


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
            f"A worker process imports the script that called build(). {_GUARD}", file=sys.stderr, flush=True
        )
        raise SystemExit(UNGUARDED)


def _require_importable(recipe_class: type[Recipe]) -> None:
    try:
        pickle.dumps(recipe_class)
    except (AttributeError, pickle.PicklingError) as error:
        raise BuildError(
            f"Worker processes cannot import recipe '{recipe_class.name}' ({error}). Define its class at the "
            "top of a module, or build with workers=0 in one process."
        ) from error


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
            f"stands above. {_GUARD}"
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
