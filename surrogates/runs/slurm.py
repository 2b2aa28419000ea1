"""A requeued SLURM job: it starts the same command anew and has to find its own run."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from surrogates.core.files import write_atomic
from surrogates.runs.folder import CONFIG, read_config

JOB = "slurm_job.json"
State = Literal["going", "done", "given up"]


def note_job(folder: Path, state: State) -> None:
    """Write into a run's folder which job it belongs to, if any.

    Parameters
    ----------
    folder
        The run's folder.
    state
        `going` until its end, also while a signal has stopped it; `done`; `given up` after an error or
        Ctrl-C, so that the same command begins a new run unless the job is requeued.
    """
    if (job := _job()) is not None:
        write_atomic(folder / JOB, json.dumps({"job": job, "requeued": _requeued(), "state": state}))


def run_of_job(parent: Path, plain: Mapping[str, Any]) -> Path | None:
    """Return the run that this job began, or None.

    Parameters
    ----------
    parent
        Folder of the experiment's runs.
    plain
        Configuration with all defaults: a job may train several.
    """
    job = _job()
    for path in sorted(parent.glob(f"*/{JOB}"), reverse=True) if job is not None else ():
        note = json.loads(path.read_text(encoding="utf-8"))
        own = note["job"] == job and (note["state"] == "going" or note["requeued"] < _requeued())
        if own and (path.parent / CONFIG).is_file() and read_config(path.parent) == plain:
            return path.parent
    return None


def is_done(folder: Path) -> bool:
    """Return whether a run that belongs to a job is finished."""
    path = folder / JOB
    return path.is_file() and json.loads(path.read_text(encoding="utf-8"))["state"] == "done"


def _job() -> str | None:
    number = os.environ.get("SLURM_JOB_ID")
    return None if number is None else f"{os.environ.get('SLURM_CLUSTER_NAME', '')}/{number}"


def _requeued() -> int:
    return int(os.environ.get("SLURM_RESTART_COUNT", "0"))
