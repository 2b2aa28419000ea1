"""Complex variables through a whole run: trained, scored, predicted with discs, exported, reported."""

import json
import warnings

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from datasets.factory.pictures import picture
from datasets.store.layout import create_store, open_store
from datasets.store.specs import Split, VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.inference.onnx import described, export_onnx
from surrogates.runs.train import start

RECORDS, SENSORS, PAST, AHEAD, FREQUENCIES, SHIFTED = 64, 3, 4, 2, 8, 8
METRICS = [
    *("rmse", "mae", "bias", "nmse", "relative_l2", "r2", "p90_absolute_error"),
    *("crps", "coverage", "interval_width", "gaussian_coverage"),
]
PAST_DIMS = ("sample", "sensor", "time", "frequency")


def waves(records: int, seed: int) -> dict[str, np.ndarray]:
    """Turning phasors of one strength per record; what follows lies on other frequencies."""
    rng = np.random.default_rng(seed)
    strength = 10.0 ** rng.uniform(-1, 1, (records, 1, 1, 1))
    phase = rng.uniform(-np.pi, np.pi, (records, SENSORS, 1, 1))
    time = np.arange(PAST + AHEAD)[:, None]
    frequency = np.linspace(1.0, 2.0, FREQUENCIES + SHIFTED)
    wave = strength * np.exp(1j * (phase + 0.3 * time * frequency))
    return {
        "wave": wave[:, :, :PAST, :FREQUENCIES].astype(np.complex64),
        "wave_ahead": wave[:, :, PAST:, FREQUENCIES:].astype(np.complex64),
        "temperature": rng.uniform(270, 300, records).astype(np.float32),
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A finished store of complex past and future, on two grids of frequencies."""
    url = str(tmp_path_factory.mktemp("stores") / "waves.zarr")
    past = {"dims": PAST_DIMS, "shape": (SENSORS, PAST, FREQUENCIES)}
    ahead = {"dims": ("sample", "sensor", "horizon", "shifted"), "shape": (SENSORS, AHEAD, SHIFTED)}
    specs = [
        VariableSpec(name="wave", dtype="complex64", units="V", long_name="past wave", **past),
        VariableSpec(name="wave_ahead", dtype="complex64", units="V", long_name="coming wave", **ahead),
        VariableSpec(name="temperature", dims=("sample",), shape=(), units="K", long_name="temperature"),
    ]
    made = create_store(
        url,
        specs,
        records=RECORDS,
        record_dimension="sample",
        shared=xr.Dataset(coords={"sensor": ("sensor", np.arange(SENSORS) * 0.5, {"units": "m"})}),
        attributes={"title": "waves", "recipe": "tests", "license": "CC0-1.0"},
        splits=[Split(labels=np.arange(RECORDS) % 4 % 3, keeps_whole="none")],
        records_per_shard=RECORDS,
    )
    hashes = made.write_row(0, waves(RECORDS, seed=0))
    made.write_receipt(0, {"hashes": hashes})
    made.consolidate()
    return open_store(url)


@pytest.fixture(scope="module")
def config(store, tmp_path_factory):
    """Return a configuration; arguments change its task."""
    folder = tmp_path_factory.mktemp("runs")

    def make(**task):
        return {
            "experiment": "waves",
            "dataset": store.url,
            "task": {
                "inputs": ["wave", "temperature"],
                "targets": ["wave_ahead"],
                "transform": {
                    "name": "stack",
                    "fold": ["sensor"],
                    "grid": ["frequency"],
                    "target_grid": ["shifted"],
                    "scale_by": "wave",
                },
                "head": {"name": "gaussian"},
                "metrics": METRICS,
                **task,
            },
            "model": {"name": "mlp", "width": 32, "depth": 1},
            "trainer": {"max_steps": 60, "batch_size": 8, "accelerator": "cpu", "progress": False},
            "output": str(folder),
        }

    return make


@pytest.fixture(scope="module")
def run(config):
    """The folder of a short run, scored and reported."""
    return start(config())


@pytest.fixture
def surrogate(run):
    """What the run has learned."""
    return surrogates.load(run, device="cpu")


@pytest.fixture
def test_records(store):
    """The records that the scores are of."""
    return store.dataset().isel(sample=slice(2, None, 4))


def scores_of(run):
    """Return the scores of a run by method and metric."""
    rows = json.loads((run / "metrics.json").read_text())["rows"]
    return {(row["method"], row["metric"]): row["value"] for row in rows}


def test_scores_are_of_the_modulus_of_errors_and_pictures_of_modulus_and_phase(run):
    found = scores_of(run)
    assert all(np.isfinite(value) for value in found.values() if value is not None)
    assert found["mlp", "rmse"] < 0.7 * found["mean", "rmse"]
    assert 0 < found["mlp", "crps"] < found["mlp", "mae"] < found["mlp", "rmse"]
    assert 0 < found["mlp", "coverage"] <= 1
    page = (run / "report.html").read_text()
    assert "modulus of coming wave (V)" in page and "phase of coming wave (rad)" in page


@pytest.mark.filterwarnings("ignore:.*outside its training range")
def test_a_prediction_is_complex_with_the_radius_of_a_disc(run, surrogate, test_records, tmp_path):
    out = surrogate.predict(test_records, interval=0.9)
    assert set(out) == {"wave_ahead", "wave_ahead_standard_deviation", "wave_ahead_radius"}
    assert out["wave_ahead"].dtype == np.complex64
    assert out["wave_ahead_radius"].dtype == out["wave_ahead_standard_deviation"].dtype == np.float32
    assert out["wave_ahead_radius"].attrs["units"] == "V"
    assert out["wave_ahead_radius"].attrs["long_name"] == "radius of the 90 % disc about coming wave"
    ratio = out["wave_ahead_radius"] / out["wave_ahead_standard_deviation"]
    np.testing.assert_allclose(ratio, ratio.values.flat[0], rtol=1e-5)
    error = np.abs(out["wave_ahead"] - test_records["wave_ahead"])
    found = scores_of(run)
    assert float(np.sqrt((error**2).mean())) == pytest.approx(found["mlp", "rmse"], rel=1e-5)
    assert float((error <= out["wave_ahead_radius"]).mean()) == pytest.approx(found["mlp", "coverage"])
    written = surrogate.predict(test_records, interval=0.9, out=tmp_path / "out.zarr")
    xr.testing.assert_allclose(written.load(), out, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*outside its training range")
def test_a_record_is_predicted_alike_whoever_is_beside_it(surrogate, test_records):
    whole = surrogate.predict(test_records)["wave_ahead"]
    order = np.random.default_rng(0).permutation(whole.sizes["sample"])
    for size in (1, 5):
        shuffled = surrogate.predict(test_records.isel(sample=order), batch_size=size)["wave_ahead"]
        np.testing.assert_allclose(shuffled, whole.isel(sample=order), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*outside its training range")
def test_ten_times_the_wave_gives_ten_times_the_answer(surrogate, test_records):
    stronger = test_records.assign(wave=(10 * test_records["wave"]).assign_attrs(units="V"))
    one, ten = (surrogate.predict(each) for each in (test_records, stronger))
    for name in one:
        np.testing.assert_allclose(ten[name], 10 * one[name], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*outside its training range")
def test_onnx_takes_and_answers_pairs_of_real_numbers(surrogate, test_records, tmp_path):
    records = {name: torch.from_numpy(test_records[name].values[:4]) for name in surrogate.inputs}
    export_onnx(surrogate.bundle, tmp_path / "waves.onnx", records)
    assert described(tmp_path / "waves.onnx")["complex"] == ["wave", "wave_ahead"]
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(tmp_path / "waves.onnx", providers=["CPUExecutionProvider"])
    wave = test_records["wave"].values
    given = {
        "wave": np.stack([wave.real, wave.imag], axis=-1),
        "temperature": test_records["temperature"].values,
    }
    (pairs,) = session.run(["wave_ahead"], given)
    expected = surrogate.predict(test_records)["wave_ahead"].values
    np.testing.assert_allclose(pairs[..., 0] + 1j * pairs[..., 1], expected, rtol=1e-3, atol=1e-3)


def test_a_function_has_a_column_for_each_part_and_the_right_derivatives(surrogate, store):
    one = store.dataset().isel(sample=[0])
    function = surrogate.as_function("wave", "wave_ahead", at=one)
    assert function.input_names[:3] == ["wave.real[0,0,0]", "wave.imag[0,0,0]", "wave.real[0,0,1]"]
    point = np.ascontiguousarray(one["wave"].values).view(np.float32).ravel().astype(float)
    parts = np.ascontiguousarray(surrogate.predict(one)["wave_ahead"].values).view(np.float32).ravel()
    np.testing.assert_allclose(function(point), parts, rtol=1e-4, atol=1e-5)
    weights = np.random.default_rng(0).normal(size=len(function.output_names))
    direction = np.random.default_rng(1).normal(size=point.size)
    step = 1e-2 * np.abs(point).max()
    rise = (function(point + step * direction) - function(point - step * direction)) @ weights
    assert function.gradient(point, weights) @ direction == pytest.approx(rise / (2 * step), rel=0.02)


def test_strong_waves_are_an_extrapolation_by_their_modulus(surrogate, store):
    known = store.dataset().isel(sample=slice(0, None, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error", OutOfRangeWarning)
        surrogate.predict(known.assign(wave=(-known["wave"]).assign_attrs(units="V")))
    with pytest.warns(OutOfRangeWarning, match=r"\|wave\| is .* outside its training range of 0 to"):
        surrogate.predict(known.assign(wave=(100 * known["wave"]).assign_attrs(units="V")))


def test_a_silent_record_is_answered_with_a_warning(surrogate, store):
    known = store.dataset().isel(sample=slice(0, 8, 4))
    silent = known["wave"].copy()
    silent[0] = 0
    with pytest.warns(UserWarning, match="'wave' is zero or unknown in all cells of a record"):
        found = surrogate.predict(known.assign(wave=silent))["wave_ahead"]
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[1], surrogate.predict(known)["wave_ahead"][1], rtol=1e-5)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            {"head": {"name": "quantiles"}},
            "head 'quantiles' takes real numbers, but 'wave_ahead' is complex64",
        ),
        ({"metrics": ["ssim"]}, "metric 'ssim' takes real numbers, but 'wave_ahead' is complex64"),
        ({"baselines": ["ridge"]}, "baseline 'ridge' takes real numbers, but 'wave' is complex64"),
        ({"normalisation": "min_max"}, "min_max would change the phase of complex variables"),
        (
            {"transform": {"name": "stack", "grid": ["frequency"], "fold": ["frequency"]}},
            "task.transform.fold: no variable has the dimension 'frequency'",
        ),
        (
            {"transform": {"name": "stack", "fold": ["sensor"], "scale_by": "temperature"}},
            "'wave_ahead' is in V, 'temperature' in K; expected the same units",
        ),
    ],
)
def test_what_cannot_take_complex_values_says_so_before_any_work(config, task, message):
    with pytest.raises(ConfigError, match=message):
        start(config(**task))


def test_a_record_of_a_complex_store_shows_modulus_and_phase(store):
    titles = [axes.get_title() for axes in picture(store, 0).axes]
    assert "|wave|, sensor 0" in titles and "phase of wave, sensor 0" in titles
