"""Classical inversion as a baseline: it starts from the training models' mean profile, and comes nearer."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from datasets.seismic.variables import coordinates, gather_spec, velocity_spec
from physics.waves.seismic.propagator import simulate
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError, MissingExtraError
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline
from surrogates.runs.evaluate import evaluate_run
from tests.surrogates.domains.seismic.small import CELLS, SURVEY, inversion_run, layers, write_store

PLACES = {str(name): values for name, values in coordinates(SURVEY, CELLS, CELLS).coords.items()}
SPECS = {"velocity_model": velocity_spec(CELLS, CELLS), "shot_gather": gather_spec(SURVEY)}
TRAINING = torch.from_numpy(layers(8))
TRUTH = layers(2, seed=3)
GATHERS = torch.from_numpy(simulate(TRUTH, SURVEY))


def baseline(steps: int, targets: tuple[str, ...] = ("velocity_model",), **keys: Any) -> Any:
    context = Context.of(
        [SPECS["shot_gather"]], [SPECS[name] for name in targets], specs=SPECS, shared=PLACES
    )
    return Baseline.build({"name": "seismic/fwi", "steps": steps, **keys}, context)


def test_it_starts_from_the_mean_velocity_at_each_depth() -> None:
    fitted = baseline(0).fit([{"velocity_model": TRAINING[:3]}, {"velocity_model": TRAINING[3:]}])
    found = fitted({"shot_gather": GATHERS})["velocity_model"]
    assert found.shape == (2, CELLS, CELLS)
    profile = TRAINING.mean((0, 2))[:, None].expand(CELLS, CELLS)
    torch.testing.assert_close(found[0], profile)


def test_steps_bring_its_gathers_nearer() -> None:
    misfits = []
    for steps in (0, 6):
        fitted = baseline(steps).fit([{"velocity_model": TRAINING}])
        found = fitted({"shot_gather": GATHERS})["velocity_model"].numpy()
        misfits.append(np.linalg.norm(simulate(found, SURVEY) - GATHERS.numpy()))
    assert misfits[1] < 0.7 * misfits[0]


def test_stages_and_smoothing_reach_the_inversion() -> None:
    def found(**keys: Any) -> torch.Tensor:
        fitted = baseline(4, **keys).fit([{"velocity_model": TRAINING}])
        return fitted({"shot_gather": GATHERS[:1]})["velocity_model"]

    default = found()
    assert not torch.equal(found(frequencies=[]), default)
    assert not torch.equal(found(smoothing=[[3, 8], [2, 6], [1, 4]]), default)


def test_mistyped_stages_are_refused_before_any_work() -> None:
    with pytest.raises(ConfigError, match=r"'seismic/fwi': frequencies: \[9.0, 5.0\] Hz found, growing"):
        baseline(1, frequencies=[9, 5])
    with pytest.raises(ConfigError, match=r"'seismic/fwi': smoothing: .* one for each of the 2 stages"):
        baseline(1, frequencies=[5], smoothing=[[3, 8], [2, 6], [1, 4]])


def test_another_direction_is_refused() -> None:
    with pytest.raises(ConfigError, match="targets shot_gather from shot_gather found"):
        baseline(1, ("shot_gather",))


def test_a_missing_solver_is_named_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepwave", None)
    with pytest.raises(MissingExtraError, match=r"'seismic/fwi' needs .*sciml-surrogates\[seismic\]"):
        baseline(1)


def test_a_run_scores_it_and_the_gathers_of_its_answer(tmp_path: Path) -> None:
    run = inversion_run(
        tmp_path / "run",
        write_store(str(tmp_path / "store.zarr")),
        baselines=["mean", {"name": "seismic/fwi", "steps": 4}],
        derivations=["seismic/resimulation"],
        metrics=["relative_l2"],
    )
    config = yaml.safe_load((run / "config.yaml").read_text())
    evaluate_run(run, Experiment.open(validate(RunConfig, config, "run")), device="cpu")
    rows = json.loads((run / "metrics.json").read_text())["rows"]
    misfit = {row["method"]: row["value"] for row in rows if row["target"] == "shot_gather_resimulated"}
    assert misfit["seismic/fwi"] < 0.8 * misfit["mean"]
