"""What experiments share: stores that are built once, runs that are trained once, and scores."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.factory.build import build
from datasets.factory.recipe import Recipe
from datasets.store.layout import open_store
from surrogates.core.build import validate
from surrogates.core.files import write_atomic
from surrogates.evaluation.calibration import Calibrations
from surrogates.evaluation.evaluate import Method
from surrogates.evaluation.scoring import score
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import load_bundle
from surrogates.runs.compose import main, read
from surrogates.runs.methods import model_of

DATA, RUNS = Path("data"), Path("runs/claims")
CPU = torch.device("cpu")


def stored(recipe: Recipe, name: str, workers: int = 2) -> Path:
    """Return the store `NAME.zarr` of a recipe; build what it lacks."""
    url = DATA / f"{name}.zarr"
    build(recipe, str(url), workers=workers)
    return url


def remembered(name: str, key: Mapping[str, Any], measure: Callable[[], Any]) -> Any:
    """Return plain JSON values that were measured before under a key, or measure them now.

    Parameters
    ----------
    name
        Of the file beside the stores, `NAME.jsonl`, that keeps them.
    key
        All that the values depend on.
    measure
        Called without arguments.
    """
    path = DATA / f"{name}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for known in map(json.loads, lines):
        if known.items() >= key.items():
            return known["values"]
    values = measure()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**key, "values": values}) + "\n")
    return values


def trained_run(overrides: Sequence[str], seed: int, output: Path | None = None) -> Path:
    """Return the run of a command line; train it, or resume it, unless it is finished.

    All its values and its data identify a run, so that a changed experiment is trained again.

    Parameters
    ----------
    overrides
        Overrides of ``surrogates train``; of those of one key the last counts.
    seed
        Seed of the run.
    output
        Folder of such runs; by default that of the claims.
    """
    given = latest([*overrides, f"seed={seed}", "trainer.progress=false"])
    values = read(given)
    stores = [each if isinstance(each, str) else each["url"] for each in _several(values["dataset"])]
    known = json.dumps([values, [open_store(url).fingerprint for url in stores]], sort_keys=True, default=str)
    folder = (output or RUNS) / hashlib.sha256(known.encode()).hexdigest()[:12]
    note = folder / "run.txt"
    if not note.exists():
        stopped = sorted(folder.glob("**/checkpoints/last.ckpt"))
        (run,) = main([f"run={stopped[-1].parent.parent}"] if stopped else [*given, f"output={folder}"])
        write_atomic(note, f"{run}\n")
    return Path(note.read_text(encoding="utf-8").strip())


def trained_runs(runs: Iterable[Sequence[str]], seed: int) -> list[Path]:
    """Return the runs of several command lines, trained in two processes of one thread each."""
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=2)(delayed(trained_run)(overrides, seed) for overrides in runs))


def latest(overrides: Iterable[str]) -> list[str]:
    """Return overrides without those that a later one of the same key replaces."""
    return list({each.partition("=")[0]: each for each in overrides}.values())


def open_experiment(overrides: Sequence[str]) -> Experiment:
    """Return the experiment of a command line, for its data and its baselines; the last of one key counts."""
    values = {key: value for key, value in read(latest(overrides)).items() if key != "sweep"}
    return Experiment.open(validate(RunConfig, values, "configuration"))


def network(run: Path) -> Method:
    """Return the network of a run."""
    (method,) = model_of(load_bundle(run / "bundle", CPU)).values()
    return method


def scored(
    methods: Mapping[str, Method],
    on: Experiment,
    name: str = "{group}/{method}/{metric}",
    split: str = "test",
    calibrations: Calibrations | None = None,
) -> dict[str, float]:
    """Score methods on the data of an experiment.

    Parameters
    ----------
    methods
        Methods by name.
    on
        Experiment whose data are scored.
    name
        Pattern of the names of scores, see `named_scores`.
    split
        Subset: test, validation or train.
    calibrations
        Calibrations of the methods' intervals, from other data.
    """
    table = score(methods, on, split=split, device=CPU, calibrations=calibrations)
    return named_scores(map(asdict, table.rows), name)


def own_scores(run: Path, name: str = "{method}/{target}/{metric}") -> dict[str, float]:
    """Return the scores of a run and its baselines on its whole test subset."""
    rows = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["rows"]
    return named_scores((row for row in rows if row["group"] == "all" and row["value"] is not None), name)


def named_scores(rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, float]:
    """Return the finite values of rows of scores by names such as ``{group}/{method}/{metric}``.

    Names of methods and metrics leave out their domain. A metric that a method lacks, such as coverage
    without a standard deviation, is left out.
    """
    plain = ({**row, "method": _bare(row["method"]), "metric": _bare(row["metric"])} for row in rows)
    return {name.format(**row): row["value"] for row in plain if np.isfinite(row["value"])}


def prefixed(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return the values under longer names."""
    return {f"{prefix}/{name}": value for name, value in values.items()}


def parameters(run: Path) -> float:
    """Return the number of parameters of a run's network."""
    return float(json.loads((run / "metrics.json").read_text(encoding="utf-8"))["parameters"])


def _bare(name: str) -> str:
    return name.rpartition("/")[2]


def _several(dataset: Any) -> list[Any]:
    return dataset if isinstance(dataset, list) else [dataset]
