"""Slices of a build as the array of a SLURM job, and a job behind it that finalises the store."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import submitit
from pydantic import Field
from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.helpers import Checkpointable, clean_env

from datasets.factory.build import build, finalise, require_sliceable
from datasets.factory.creation import lock_beside, open_or_create, units_of
from datasets.factory.errors import BuildError
from datasets.factory.executors.contract import Submitter, Workers
from datasets.factory.lock import alone
from datasets.factory.recipe import Recipe
from datasets.factory.units import Units
from datasets.store.layout import Store
from datasets.store.urls import local_path

CHOSEN = ("SBATCH_", "SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT")
"""Beginnings of the variables of SLURM that users set, and no job."""


class Slurm(Submitter):
    """Submits each slice of a build as a task of a SLURM job array, and a job that finalises the store.

    Other options that a cluster asks for come from the environment (``SBATCH_ACCOUNT``, ``SBATCH_QOS``).
    A task whose time is over is queued again, three times at most. While jobs of a store are queued, no
    others are submitted: their name holds a hash of where the store lies, by which any user finds them.

    Parameters
    ----------
    parts
        Number of slices; those that miss rows are submitted.
    workers
        Worker processes, and processors, of each task.
    partition
        Where tasks run; None leaves it to the cluster.
    time
        Time that each task may take, minutes.
    memory
        Memory of each task, such as ``8G``; None leaves it to the cluster.
    """

    def __init__(
        self,
        parts: Annotated[int, Field(ge=1, le=10_000)],
        workers: Workers = 1,
        partition: Annotated[str, Field(pattern=r"^[\w.,-]+$")] | None = None,
        time: Annotated[int, Field(ge=1, le=60 * 24 * 365)] = 60,
        memory: Annotated[str, Field(pattern=r"^[1-9]\d*[KMGT]$")] | None = None,
    ) -> None:
        self.parts, self.workers = parts, workers
        self._common = {"partition": partition, "time": time, "mem": memory}

    def submit(self, recipe: Recipe, url: str) -> tuple[Store, str]:
        """Submit the slices that miss rows, and a job that finalises the store when they have ended."""
        _require_slurm()
        require_sliceable(recipe, (1, self.parts))
        with alone(*lock_beside(str(local_path(url) or url.rstrip("/")), "submitting")):
            _require_none_queued(recipe, url)
            return self._submit(recipe, url)

    def _submit(self, recipe: Recipe, url: str) -> tuple[Store, str]:
        store = open_or_create(recipe, url)
        recipe.prepare()
        slices = self._missing(recipe, url, store)
        if not slices:
            return finalise(url), f"{url} misses no rows; nothing was submitted."
        executor = self._executor(recipe, url)
        try:
            with _as_outside_of_jobs():
                first, *_ = executor.submit_array(slices)
                array = first.job_id.partition("_")[0]
                executor.update_parameters(dependency=f"afterany:{array}", cpus_per_task=1)
                job = executor.submit(_finalise, url).job_id
        except (FailedJobError, FailedSubmissionError) as error:
            raise BuildError(
                "sbatch refused the job; what it said stands above. Mend that, then do the same again."
            ) from error
        return store, (
            f"Submitted {len(slices)} slices as job {array}, and job {job}, which finalises {url} after "
            f"them; they log to {_folder(url)}. Submit what has failed by the same command again."
        )

    def script(self, recipe: Recipe, url: str) -> str:
        """Return the batch script of the array."""
        executor = self._executor(recipe, url)
        count = len(self._missing(recipe, url, None))
        executor.parameters["map_count"] = count if count > 1 else None
        return executor._make_submission_file_text(executor._submitit_command_str, "")

    def _missing(self, recipe: Recipe, url: str, store: Store | None) -> list["Slice"]:
        """Return the slices that miss rows; all that have any if there is no store yet."""
        units = units_of(recipe) if store is None else Units.of(store, recipe)
        complete = set() if store is None else set(store.complete_rows())
        chosen = [(number, self.parts) for number in range(1, self.parts + 1)]
        config = recipe.model_dump(mode="json")
        return [
            Slice(type(recipe), config, url, each, self.workers)
            for each in chosen
            if set(units.rows_of_slice(each)) - complete
        ]

    def _executor(self, recipe: Recipe, url: str) -> "_Executor":
        executor = _Executor(_folder(url))
        executor.update_parameters(
            job_name=_job_name(recipe, url), cpus_per_task=self.workers, **self._common
        )
        return executor


class _Executor(submitit.SlurmExecutor):
    """Looks for no `srun`: a script is shown anywhere, and submitting says in one line what is missing."""

    @classmethod
    def affinity(cls) -> int:
        return 1


@dataclass(frozen=True)
class Slice(Checkpointable):
    """A task of the array; queued again when its time is over, it goes on where it was."""

    recipe_class: type[Recipe]
    config: Mapping[str, Any]
    url: str
    slice: tuple[int, int]
    workers: int

    def __call__(self) -> None:
        """Build the slice."""
        recipe = self.recipe_class.make(self.config)
        build(recipe, self.url, workers=self.workers, slice=self.slice, bar=False)


def _finalise(url: str) -> None:
    finalise(url)


def _require_slurm() -> None:
    for command in ("sbatch", "srun", "squeue"):
        if shutil.which(command) is None:
            raise BuildError(
                f"`{command}` is not on the PATH, expected on a machine that submits to SLURM. Log in to "
                "one, or look at the script by --dry-run."
            )
    if name := os.environ.get("SBATCH_JOB_NAME"):
        raise BuildError(
            f"SBATCH_JOB_NAME is {name!r}, expected none: the jobs of a store are found by their own name. "
            "Unset it, and do the same again."
        )


@contextmanager
def _as_outside_of_jobs() -> Iterator[None]:
    """Hide the variables of a job that this process may run in, which those that it submits would inherit.

    A job that is no array would take itself for a task of an outer one, and memory would be asked for twice.
    """
    given = {key: value for key, value in os.environ.items() if key.startswith(CHOSEN)}
    with clean_env():
        os.environ.update(given)
        yield


def _require_none_queued(recipe: Recipe, url: str) -> None:
    """Refuse to submit while jobs of the same store are pending or running."""
    asked = ["squeue", "--noheader", "--format=%F", f"--name={_job_name(recipe, url)}"]
    plain = {key: value for key, value in os.environ.items() if not key.startswith("SQUEUE_")}  # its filters
    answer = subprocess.run(asked, env=plain, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = " ".join(answer.stderr.split())
        raise BuildError(
            f"`squeue` does not tell whether jobs of {url} are queued ({said}), so nothing was submitted. Do "
            "the same again when it answers."
        )
    if jobs := sorted({each for each in answer.stdout.split() if each.isdecimal()}, key=int):
        raise BuildError(
            f"Jobs of {url} are pending or running: {', '.join(jobs)}. Wait until they have ended, or cancel "
            f"them by `scancel {' '.join(jobs)}`, then do the same again; nothing was submitted."
        )


def _job_name(recipe: Recipe, url: str) -> str:
    """Return the name of the jobs of a store: the recipe, and a hash of where the store lies."""
    folder = local_path(url)
    where = url if folder is None else str(folder.resolve())
    return f"{recipe.name}-{hashlib.sha256(where.encode()).hexdigest()[:8]}"


def _folder(url: str) -> Path:
    """Return the folder of scripts and logs: beside a store on a disk, else in the current folder."""
    store = local_path(url) or Path(url.rstrip("/").rpartition("/")[2])
    return store.absolute().with_name(f"{store.name}.slurm")
