"""Runs whose targets lie at points: from the store to predictions, with kills and padding in between."""

import json
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
import yaml

import surrogates
from datasets.store.layout import open_store
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.inference import asking as predicting
from surrogates.inference.errors import BundleError, OutOfRangeWarning
from surrogates.inference.onnx import export_onnx, synthetic_records
from surrogates.inference.surrogate import Surrogate
from surrogates.runs.evaluate import evaluate_elsewhere
from surrogates.runs.folder import read_config
from surrogates.runs.train import resume, start
from surrogates.training.checkpoint import load_state
from tests.operators import configuration, heat, initial, installed, modes, write_heat

KILLED = """
    import os, signal, sys, yaml, torch
    torch.set_num_threads(1)
    from surrogates.runs import train as run
    from surrogates.training import callbacks
    save, count = callbacks.save_atomic, 0
    def counted(state, path):
        global count
        save(state, path)
        count += path.name == "last.ckpt"
        if count == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    callbacks.save_atomic = counted
    run.start(yaml.safe_load(sys.stdin))
"""
DRAWN = {"augmentations": [{"name": "draw_points", "count": 20}]}


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(tmp_path_factory.mktemp("plugin")):
        yield


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned the equation from 20 points a step."""
    folder = tmp_path_factory.mktemp("learned")
    store = write_heat(folder / "heat.zarr", points=200)
    trainer = {"max_steps": 600, "validate_every": 200, "optimiser": {"name": "adam", "lr": 1e-2}}
    baselines = ["mean", "ridge", "nearest_neighbours"]
    values = configuration(store, folder / "runs", task={**DRAWN, "baselines": baselines}, trainer=trainer)
    return start(values)


@pytest.fixture
def surrogate(learned: Path) -> Surrogate:
    return surrogates.load(learned)


def asked(x: Any, time: Any, dims: Any = "point", records: int = 3) -> xr.Dataset:
    """Return new initial temperatures, and points."""
    return xr.Dataset(
        {
            "initial": (("sample", "sensor"), initial(modes(records, seed=5)), {"units": "K"}),
            "x": (dims, np.asarray(x, np.float32), {"units": "m"}),
            "time": (dims, np.asarray(time, np.float32), {"units": "s"}),
        }
    )


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_state(folder / "checkpoints" / "last.ckpt")["module"]["pipeline"]
    return found


def scores(folder: Path) -> dict[tuple[str, str], float]:
    rows = json.loads((folder / "metrics.json").read_text())["rows"]
    return {(row["method"], row["metric"]): row["value"] for row in rows}


def killed(values: dict[str, Any]) -> Path:
    """Start a run in another process that kills itself right after its second checkpoint."""
    command = [sys.executable, "-c", textwrap.dedent(KILLED)]
    done = subprocess.run(command, input=yaml.safe_dump(values), text=True, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return next((Path(values["output"]) / "heat").iterdir())


def test_an_operator_learns_from_drawn_points_and_is_scored_on_all(learned: Path) -> None:
    found = scores(learned)
    assert found["tests/operator", "relative_l2"] < 0.3
    for baseline, share in {"mean": 0.3, "nearest_neighbours": 0.6}.items():
        assert found["tests/operator", "rmse"] < share * found[baseline, "rmse"]
    assert found["ridge", "rmse"] < found["tests/operator", "rmse"]  # the equation is linear
    cells = json.loads((learned / "metrics.json").read_text())["cells"]
    assert cells == {"u": 4 * 200}


@pytest.mark.parametrize(
    ("objective", "per"),
    [("tests/residual", "batch"), pytest.param("regression", "record", marks=pytest.mark.slow)],
)
def test_a_killed_run_resumes_with_the_same_points(objective: str, per: str, tmp_path: Path) -> None:
    """Steps 8 and 10 of 12 lie within an epoch of 4 steps; validation needs gradients too."""
    store = write_heat(tmp_path / "heat.zarr", "own")
    task = {"augmentations": [{"name": "draw_points", "count": 20, "per": per}], "objective": objective}
    trainer = {"validate_every": 5, "log_every": 1}
    undisturbed = start(configuration(store, tmp_path / "whole", task=task, trainer=trainer))
    stopped = killed(configuration(store, tmp_path / "killed", task=task, trainer=trainer))
    assert load_state(stopped / "checkpoints" / "last.ckpt")["loader"]["step"] == 2
    resume(stopped)
    assert (stopped / "logs" / "train.csv").read_text() == (undisturbed / "logs" / "train.csv").read_text()
    one, two = weights(stopped), weights(undisturbed)
    assert all(torch.equal(one[name], two[name]) for name in two)


def test_an_objective_that_differentiates_is_checked_validated_and_lowered(tmp_path: Path) -> None:
    store = write_heat(tmp_path / "heat.zarr")
    trainer = {"max_steps": 300, "validate_every": 100, "optimiser": {"name": "adam", "lr": 1e-2}}
    residuals = []
    for weight in (0.0, 1.0):
        task = {**DRAWN, "objective": {"name": "tests/residual", "weight": weight}}
        run = start(configuration(store, tmp_path / f"runs{weight}", task=task, trainer=trainer))
        first, *_, last = (run / "logs" / "validation.csv").read_text().splitlines()
        residuals.append(float(last.split(",")[first.split(",").index("validation/residual")]))
    assert residuals[1] < 0.2 * residuals[0]


def test_a_compiled_network_is_not_differentiated_twice(tmp_path: Path) -> None:
    store = write_heat(tmp_path / "heat.zarr")
    values = configuration(
        store, tmp_path / "runs", task={"objective": "tests/residual"}, trainer={"compile": True}
    )
    with pytest.raises(ConfigError, match=r"'tests/residual' differentiates.*take trainer\.compile=false"):
        start(values)


def test_what_stands_in_the_padding_changes_nothing(tmp_path: Path) -> None:
    """NaN, or garbage as some program left it: equal statistics, losses, weights and scores."""
    task = {
        "augmentations": [{"name": "draw_points", "count": 20, "per": "record"}],
        "metrics": ["rmse", "mae", "bias", "relative_l2"],
        "baselines": ["mean"],
    }
    runs, moments = [], []
    for name, garbage in (("nan", np.nan), ("garbage", 1e6)):
        store = write_heat(tmp_path / f"{name}.zarr", "padded", garbage=garbage)
        moments.append([open_store(store).statistics(each) for each in ("u", "x", "time")])
        runs.append(start(configuration(store, tmp_path / name, task=task, trainer={"log_every": 1})))
    for one, two in zip(*moments, strict=True):
        assert (one.count, one.mean, one.m2, one.maximum) == (two.count, two.mean, two.m2, two.maximum)
        assert one.maximum < 10
    lengths = open_store(str(tmp_path / "nan.zarr")).dataset().length.values
    assert moments[0][0].count == lengths.sum()
    first, second = (weights(run) for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)
    for part in ("train", "validation"):
        one, two = ((run / "logs" / f"{part}.csv").read_text() for run in runs)
        assert one == two
    assert scores(runs[0]) == scores(runs[1])
    manifests = [yaml.safe_load((run / "bundle" / "bundle.yaml").read_text()) for run in runs]
    assert manifests[0]["ranges"] == manifests[1]["ranges"]


@pytest.mark.parametrize("count", [0, 1, 7, 7000])
def test_any_number_of_points_is_answered_point_by_point(count: int, surrogate: Surrogate) -> None:
    rng = np.random.default_rng(0)
    x, time = rng.uniform(0.2, 3.0, 7000), rng.uniform(0.02, 0.45, 7000)
    every = surrogate.predict(asked(x, time)).u
    some = surrogate.predict(asked(x[:count], time[:count])).u
    assert some.shape == (3, count)
    np.testing.assert_allclose(some, every[:, :count], rtol=1e-5, atol=1e-6)
    exact = heat(modes(3, seed=5), x[:count], time[:count])
    assert np.abs(some.values - exact).max(initial=0) < 0.35 * np.abs(heat(modes(3, seed=5), x, time)).max()


def test_many_points_are_asked_about_in_portions(
    surrogate: Surrogate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    x, time = np.linspace(0.2, 3.0, 50), np.linspace(0.02, 0.45, 50)
    whole = surrogate.predict(asked(x, time), interval=0.5)
    monkeypatch.setattr(predicting, "POINTS_PER_BATCH", 8)
    portions = surrogate.predict(asked(x, time), interval=0.5)
    xr.testing.assert_allclose(portions, whole, rtol=1e-5)
    assert set(portions) == {"u", "u_lower", "u_upper"}
    stored = surrogate.predict(asked(x, time), out=tmp_path / "out.zarr", batch_size=2)
    np.testing.assert_allclose(stored.u, whole.u, rtol=1e-5)
    np.testing.assert_array_equal(stored.x, whole.x)


def test_points_of_each_record_may_be_asked_about_where_all_shared_them(surrogate: Surrogate) -> None:
    x, time = np.linspace(0.2, 3.0, 6), np.linspace(0.02, 0.45, 6)
    shared = surrogate.predict(asked(x, time))
    own = surrogate.predict(asked(np.tile(x, (3, 1)), np.tile(time, (3, 1)), ("sample", "point")))
    np.testing.assert_allclose(own.u, shared.u, rtol=1e-5, atol=1e-6)
    shifted = np.stack([np.roll(x, n) for n in range(3)])
    turned = surrogate.predict(
        asked(shifted, np.stack([np.roll(time, n) for n in range(3)]), ("sample", "point"))
    )
    for record in range(3):
        np.testing.assert_allclose(turned.u[record], np.roll(shared.u[record], record), rtol=1e-5, atol=1e-6)


def test_a_field_on_a_grid_is_asked_about_as_points(surrogate: Surrogate) -> None:
    time = ("time", np.linspace(0.02, 0.45, 5), {"units": "s"})
    x = ("x", np.linspace(20.0, 300.0, 4), {"units": "cm"})
    grid = xr.Dataset(coords={"time": time, "x": x})
    points = grid.stack(point=("time", "x")).reset_index("point")
    rods = asked([], [], records=2)[["initial"]]
    field = surrogate.predict(rods.merge(points)).set_index(point=["time", "x"]).unstack("point")
    assert field.u.dims == ("sample", "time", "x")
    alone = surrogate.predict(asked([1.0], [0.02], records=2).isel(sample=[1]))
    at = surrogate.predict(asked(np.full(5, 0.2), time[1], records=2))
    np.testing.assert_allclose(field.u.isel(x=0), at.u, rtol=1e-4, atol=1e-5)
    assert alone.u.shape == (1, 1)


def test_a_prediction_at_points_has_their_coordinates_and_knows_what_is_far(surrogate: Surrogate) -> None:
    with pytest.warns(OutOfRangeWarning, match="x is 50 m, outside"):
        answer = surrogate.predict(asked([1.0, 50.0], [0.1, 0.1]).isel(sample=0))
    assert answer.u.dims == ("point",)
    assert answer.x.values.tolist() == [1.0, 50.0]
    assert answer.x.attrs["units"] == "m"
    assert surrogate.inputs["x"].any_length == ("point",)
    assert surrogate.inputs["initial"].any_length == ()


def test_derivatives_follow_the_number_of_points_asked_about(surrogate: Surrogate) -> None:
    at = asked([1.0, 2.0], [0.1, 0.1], records=1)
    function = surrogate.as_function(["x"], ["u"], at=at)
    jacobian = function.jacobian(np.array([1.0, 2.0]))
    assert jacobian.shape == (2, 2)
    assert jacobian[0, 1] == jacobian[1, 0] == 0  # a point's answer depends on its own coordinates only
    step = 0.02
    ends = [function(np.array([1.0 + sign * step, 2.0]))[0] for sign in (1, -1)]
    assert jacobian[0, 0] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=0.02)


def test_an_exported_model_takes_any_number_of_points(surrogate: Surrogate, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    (difference,) = export_onnx(surrogate.bundle, tmp_path / "a.onnx", synthetic_records(surrogate.bundle))
    assert difference.relative < 1e-5
    session = runtime.InferenceSession(tmp_path / "a.onnx")
    for count in (1, 7, 500):
        given = asked(np.linspace(0.2, 3.0, count), np.linspace(0.02, 0.45, count))
        (answer,) = session.run(["u"], {name: given[name].values for name in ("initial", "x", "time")})
        np.testing.assert_allclose(answer, surrogate.predict(given).u, rtol=1e-4, atol=1e-5)


def test_a_bundle_takes_any_length_only_where_its_transform_does(learned: Path, tmp_path: Path) -> None:
    shutil.copytree(learned / "bundle", tmp_path / "bundle")
    path = tmp_path / "bundle" / "bundle.yaml"
    manifest = yaml.safe_load(path.read_text())
    manifest["pipeline"]["inputs"][0]["any_length"] = ["sensor"]
    path.write_text(yaml.safe_dump(manifest))
    with pytest.raises(
        BundleError, match=r"'initial' has any_length \['sensor'\], but the transform 'points'"
    ):
        surrogates.load(tmp_path / "bundle")


def test_padding_is_answered_nan(tmp_path: Path) -> None:
    store = write_heat(tmp_path / "heat.zarr", "padded")
    run = start(configuration(store, tmp_path / "runs", trainer={"max_steps": 2, "validate_every": 2}))
    data = open_store(store).dataset().load()
    answer = surrogates.load(run).predict(data)
    np.testing.assert_array_equal(np.isfinite(answer.u), np.arange(60) < data.length.values[:, None])


def test_a_run_is_scored_on_another_number_of_points(learned: Path, tmp_path: Path) -> None:
    other = write_heat(tmp_path / "other.zarr", points=31, seed=3)
    own = read_config(learned)
    own["task"]["baselines"] = []  # the mean of each cell says nothing of other points
    experiment, on = (
        Experiment.open(validate(RunConfig, values, "test")) for values in (own, {**own, "dataset": other})
    )
    found = evaluate_elsewhere(learned, experiment, on, split="train")
    assert found.table.cells == {"u": 16 * 31}
