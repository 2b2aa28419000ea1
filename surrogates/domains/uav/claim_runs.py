"""What the claims on flights share: data and runs that are made when they are absent, and their scores."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogates.core.errors import ConfigError

if TYPE_CHECKING:
    from surrogates.data.index import ExampleIndex
    from surrogates.evaluation.calibration import Calibrations
    from surrogates.evaluation.evaluate import Method
    from surrogates.experiment.experiment import Experiment

FILES = Path(os.environ.get("SURROGATES_UAV_DATA", "../shared/data/uav"))
FLIGHTS, GAZEBO, SYNTHETIC = (Path(f"data/uav_{name}.zarr") for name in ("claims", "gazebo", "synthetic"))
RUNS = Path("runs/claims/uav")
TRAJECTORIES = 1500
VECTOR = "Nacar et al., VECTOR, Drones 9(1):8, 2025"
CODE = "python -m surrogates.domains.uav.claims"
TEST_ONLY: dict[str, Any] = {"validation": 0.0, "test": 1.0, "still_speed": 0.0, "min_duration": 2.9}
LEVELS = (0.68, 0.95)
SPINE = ("rmse", "mae")
COVERAGES = {
    f"horizon_coverage (level={level}, intervals={kind})": f"{name}_{level}"
    for level in LEVELS
    for kind, name in (("calibrated", "coverage"), ("gaussian", "gaussian"))
}
"""Names of the shares inside the intervals at the end of the horizon, and what they are here."""


def flights(url: Path = FLIGHTS, **changes: float) -> Path:
    """Return a store of simulated flights, simulated or gone on with if it is not whole."""
    from datasets.factory.build import build, resume
    from datasets.uav.px4_like import Px4Like

    if url.exists():
        resume(str(url), workers=2)
    else:
        build(Px4Like.make({"trajectories": TRAJECTORIES, **changes}), str(url), workers=2)
    return url


def flights_of_true_recorders() -> Path:
    """Return flights as recorders log them whose clock is the vehicle's and whose positions are true."""
    return flights(FLIGHTS.with_name("uav_claims_true.zarr"), hesitant=0.0, drifting=0.0)


def gazebo() -> Path:
    """Return the store of the published Gazebo flights: circles C1 to C3, figure-8 I1 and I2."""
    return _imported(GAZEBO, "gazebo", {"C*": "circle", "I*": "lemniscate"})


def synthetic() -> Path:
    """Return the store of the published noisy tracks without dynamics: lines and circles."""
    return _imported(SYNTHETIC, "synthetic", {"*/circle_*": "circle", "*/line_*": "line"})


def _imported(url: Path, folder: str, families: Mapping[str, str]) -> Path:
    from datasets.factory.build import build
    from datasets.uav.importers import CsvFlights

    files = require(folder)
    if not url.exists():
        build(CsvFlights.make({"folder": str(files), "families": families} | TEST_ONLY), str(url), workers=0)
    return url


def require(name: str) -> Path:
    """Return a folder of the published files, or say what is missing.

    Raises
    ------
    ConfigError
        When it is not there.
    """
    if not (FILES / name).is_dir():
        raise ConfigError(
            f"the claims on published flights need the folder {FILES / name}, which is not there; set "
            "SURROGATES_UAV_DATA to the folder that holds gazebo/, synthetic/ and weights/"
        )
    return FILES / name


def published() -> "dict[str, Method]":
    """Return the published networks by the names of their files."""
    from surrogates.domains.uav.published import HISTORY, published_pipeline

    return {
        path.stem: _of_the_last(published_pipeline(path), {"position": HISTORY})
        for path in sorted(require("weights").glob("*.pth"))
    }


def network(run: Path) -> "Method":
    """Return the network of a run, which takes as much of the past as it was trained on."""
    from surrogates.inference.bundle import load_bundle

    bundle = load_bundle(run / "bundle")
    return _of_the_last(bundle.ask, {spec.name: spec.shape[0] for spec in bundle.manifest.pipeline.inputs})


def _of_the_last(ask: Callable[..., Any], samples: Mapping[str, int]) -> "Method":
    """Ask with the last samples of the past alone, so that all methods are scored on the same windows."""

    def answer(inputs: Mapping[str, Any], rng: Any) -> Any:
        return ask({name: inputs[name][:, -count:] for name, count in samples.items()})

    return answer


def trained_run(words: Sequence[str], seed: int) -> Path:
    """Return the run of a command line; trained, or gone on with, unless it is finished."""
    from surrogates.runs.cache import trained_run

    return trained_run(words, seed, RUNS)


def trained_runs(runs: Iterable[Sequence[str]], seed: int) -> list[Path]:
    """Return the runs of several command lines, trained in two processes of one thread each."""
    from surrogates.runs.cache import trained_runs

    return trained_runs(runs, seed, RUNS)


def open_experiment(words: Sequence[str]) -> "Experiment":
    """Return the experiment of a command line, for its data and its baselines."""
    from surrogates.runs.cache import open_experiment

    return open_experiment(words)


def scores(
    methods: "Mapping[str, Method]",
    on: "Experiment",
    *,
    index: "ExampleIndex | None" = None,
    calibrations: "Calibrations | None" = None,
) -> dict[str, float]:
    """Score methods on the test part of an experiment, or on the examples of an index.

    Parameters
    ----------
    methods
        By name.
    on
        The experiment whose data are scored.
    index
        Examples, where they are not those of the test part.
    calibrations
        Of the methods' intervals, from other flights.

    Returns
    -------
    dict
        ``<group>/<method>/<metric>``; metrics that a method has not, such as the coverage of one without a
        spread, are left out.
    """
    from surrogates.evaluation.evaluate import evaluate
    from surrogates.evaluation.scoring import blocks_of, targets_of

    index = on.data.index("test") if index is None else index
    table = evaluate(
        methods,
        on.loader("test", index=index),
        targets_of(on),
        on.pieces.metrics,
        blocks_of(on, index),
        calibrations=calibrations,
    )
    return {
        f"{row.group}/{plain(row.method)}/{COVERAGES.get(plain(row.metric), plain(row.metric))}": row.value
        for row in table.rows
        if np.isfinite(row.value)
    }


def plain(name: str) -> str:
    """Return the name of a method or metric without its domain, as the recorded seeds have it."""
    return name.removeprefix("uav/")


def listed(names: Iterable[str]) -> str:
    """Return pieces of this domain as a list of the command line; the spine's keep their names."""
    return "[" + ", ".join(name if name in SPINE else f"uav/{name}" for name in names) + "]"
