"""Runs that are known by what they learn from what: trained once, found again afterwards."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from datasets.store.layout import open_store
from surrogates.core.build import validate
from surrogates.core.files import write_atomic
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.runs.compose import main, read


def trained_run(words: Sequence[str], seed: int, folder: Path) -> Path:
    """Return the run of a command line; trained, or gone on with, unless it is finished.

    A run is known by all its values and by its data, so that a changed experiment is trained anew.

    Parameters
    ----------
    words
        As after ``surrogates train``.
    seed
        Of the run.
    folder
        Where such runs are kept.
    """
    given = [*words, f"seed={seed}", "trainer.progress=false"]
    values = read(given)
    stores = [each if isinstance(each, str) else each["url"] for each in _several(values["dataset"])]
    known = json.dumps([values, [open_store(url).fingerprint for url in stores]], sort_keys=True, default=str)
    place = folder / hashlib.sha256(known.encode()).hexdigest()[:12]
    note = place / "run.txt"
    if not note.exists():
        stopped = sorted(place.glob("**/checkpoints/last.ckpt"))
        (run,) = main([f"run={stopped[-1].parent.parent}"] if stopped else [*given, f"output={place}"])
        write_atomic(note, f"{run}\n")
    return Path(note.read_text().strip())


def trained_runs(runs: Iterable[Sequence[str]], seed: int, folder: Path) -> list[Path]:
    """Return the runs of several command lines, trained in two processes of one thread each."""
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=2)(delayed(trained_run)(words, seed, folder) for words in runs))


def open_experiment(words: Sequence[str]) -> Experiment:
    """Return the experiment of a command line, for its data and its baselines."""
    values = {key: value for key, value in read(words).items() if key != "sweep"}
    return Experiment.open(validate(RunConfig, values, "configuration"))


def _several(dataset: Any) -> list[Any]:
    return dataset if isinstance(dataset, list) else [dataset]
