"""Runs of the same task, e.g. with several seeds, as one run's folder."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from surrogates.core.errors import ConfigError
from surrogates.core.files import require_writable
from surrogates.inference.bundle import CALIBRATIONS, save_ensemble
from surrogates.inference.manifest import read_manifest
from surrogates.runs.calibrations import calibrate_run
from surrogates.runs.evaluate import evaluate_run
from surrogates.runs.folder import CONFIG, open_given_run, read_config


def combine(runs: Sequence[Path], out: Path, *, device: str = "auto") -> Path:
    """Write a run's folder whose bundle is the ensemble of several runs' bundles.

    It is calibrated on the validation split and scored on the test split, as a run is at its end. Task and
    data are those of the first run.

    Parameters
    ----------
    runs
        Folders of two or more finished runs.
    out
        Where to write.
    device
        Where the networks run.

    Raises
    ------
    ConfigError
        When a run has learned from other records: its validation split would not be new to the others.
    """
    if out.exists():
        raise ConfigError(f"{out} exists; remove it or choose another folder with --out DIR")
    require_writable(out)
    if len(runs) < 2:
        raise ConfigError(f"an ensemble needs two runs or more, found {len(runs)}")
    for run in runs:
        if [each.resolve() for each in runs].count(run.resolve()) > 1:
            raise ConfigError(f"{run} is given twice; a member counts once, so name each run once")
        read_config(run)
    known = [(run, _records(run)) for run in runs]
    for run, records in known:
        if records != known[0][1]:
            raise ConfigError(
                f"{run} has learned from other records than {known[0][0]}: stores, splits or selection "
                "differ; an ensemble takes runs of the same data"
            )
    experiment = open_given_run(runs[0])
    made = next((each for each in reversed(out.parents) if not each.exists()), out)
    out.mkdir(parents=True)
    try:
        shutil.copyfile(runs[0] / CONFIG, out / CONFIG)
        first = read_manifest(runs[0] / "bundle").provenance
        provenance = {
            **{key: value for key, value in first.items() if key != CALIBRATIONS},
            "seed": [read_config(run).get("seed") for run in runs],
            "members": [str(run) for run in runs],
        }
        save_ensemble(
            out / "bundle",
            [run / "bundle" for run in runs],
            name=experiment.config.experiment,
            provenance=provenance,
        )
        if len(experiment.data.index("test")):
            evaluate_run(out, experiment, device=device)
        elif len(experiment.data.index("validation")):
            calibrate_run(out, experiment, device=device)
    except BaseException:
        shutil.rmtree(made)  # it was made here; half an ensemble would pass for one
        raise
    return out


def _records(run: Path) -> list[Any]:
    """Return the configuration that the records of a run's subsets depend on."""
    written = read_manifest(run / "bundle").provenance.get("datasets", [])
    stores = [each for each in written if isinstance(each, dict)] if isinstance(written, list) else []
    found = [(each.get("fingerprint"), each.get("split_hash")) for each in stores]
    return [*found, *(each.get("select") for each in read_config(run)["dataset"])]
