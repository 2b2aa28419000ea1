"""Inputs on another grid become those of training where nothing is lost, and are refused elsewhere."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.inference.bundle import save_bundle
from surrogates.inference.manifest import Coordinate
from surrogates.inference.resampling import energy_above, resampled
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

STEP, SAMPLES = 0.004, 100
RECORD = VariableSpec(
    name="record",
    dims=("sample", "shot", "time"),
    shape=(2, SAMPLES),
    attributes={"resampling": "time: band_limited"},
)
FIELD = VariableSpec(
    name="field",
    dims=("sample", "depth", "lateral"),
    shape=(4, 6),
    units="m s-1",
    attributes={"resampling": "depth: lateral: average"},
)
METRES, SECONDS = {"units": "m"}, {"units": "s"}
TRAINED = {
    "shot": Coordinate(values=[0.0, 170.0], attributes=METRES),
    "time": Coordinate(values=(STEP * np.arange(SAMPLES)).tolist(), attributes=SECONDS),
    "depth": Coordinate(values=[0.0, 10.0, 20.0, 30.0], attributes=METRES),
    "lateral": Coordinate(values=[10.0 * cell for cell in range(6)], attributes=METRES),
}


def pulse(time: np.ndarray, peak: float = 15.0) -> np.ndarray:
    """Ricker wavelets of two shots, shape (1, 2, time); there is no energy above three times the peak."""
    phases = [(np.pi * peak * (time - centre)) ** 2 for centre in (0.1, 0.31)]
    return np.array([[(1 - 2 * phase) * np.exp(-phase) for phase in phases]])


def records(
    time: np.ndarray, values: np.ndarray | None = None, unit: str = "s", **coords: object
) -> xr.Dataset:
    values = pulse(time) if values is None else values
    scale = {"s": 1.0, "ms": 1e3}[unit]
    return xr.Dataset(
        {"record": (("sample", "shot", "time"), values.astype(np.float32))},
        coords={"time": ("time", time * scale, {"units": unit}), **coords},
    )


def fields(step: float, cells: tuple[int, int], seed: int = 0) -> xr.Dataset:
    values = np.random.default_rng(seed).uniform(1500, 4500, (2, *cells))
    axes = {
        dim: (dim, step * np.arange(n), METRES) for dim, n in zip(("depth", "lateral"), cells, strict=True)
    }
    return xr.Dataset({"field": (("sample", "depth", "lateral"), values, {"units": "m s-1"})}, coords=axes)


def test_every_fourth_sample_of_a_finer_record_is_taken_as_it_is() -> None:
    found = resampled(records(0.001 * np.arange(400)), TRAINED, [RECORD])
    np.testing.assert_array_equal(found["record"], pulse(STEP * np.arange(SAMPLES)).astype(np.float32))
    np.testing.assert_allclose(found["time"], TRAINED["time"].values)


@pytest.mark.parametrize(("units", "turn"), [("degree", 360.0), ("rad", 2 * np.pi)])
def test_directions_are_averaged_across_north(units: str, turn: float) -> None:
    circular = {"units": "degree", "attributes": {**FIELD.attributes, "topology": "circular"}}
    finer = fields(5.0, (8, 12))
    apart = turn / 360 * np.random.default_rng(1).uniform(-20, 20, (2, 8, 12))
    finer["field"] = (finer["field"].dims, apart % turn, {"units": units})
    found = resampled(finer, TRAINED, [FIELD.model_copy(update=circular)])["field"]
    expected = apart.reshape(2, 4, 2, 6, 2).mean((2, 4))
    off = (found.values - expected + turn / 2) % turn - turn / 2
    assert np.abs(off).max() < 1e-2 * turn and np.abs(found).max() < turn / 10
    assert found.attrs["units"] == units


@pytest.mark.parametrize("step", [0.0011, 0.003, 0.0047, 0.008])
def test_any_other_clock_gives_the_values_between_its_samples(step: float) -> None:
    time = step * np.arange(int(0.45 / step))
    found = resampled(records(time), TRAINED, [RECORD])["record"].values
    np.testing.assert_allclose(found, pulse(STEP * np.arange(SAMPLES)), atol=1e-4)


def test_a_record_that_ends_in_the_middle_of_a_wave_keeps_its_end() -> None:
    time = 0.003 * np.arange(133)  # to 0.396 s, the last sample of training, where the slow wave still moves
    wave = np.sin(2 * np.pi * 12 * time) * (time > 0) * np.minimum(time / 0.1, 1)
    found = resampled(records(time, np.stack([wave, wave])[None]), TRAINED, [RECORD])["record"].values[0, 0]
    trained = STEP * np.arange(SAMPLES)
    expected = np.sin(2 * np.pi * 12 * trained) * np.minimum(trained / 0.1, 1)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_coarser_record_of_the_same_duration_goes_on_for_less_than_its_step() -> None:
    time, trained = 0.008 * np.arange(50), STEP * np.arange(SAMPLES)  # to 0.392 s instead of 0.396 s
    found = resampled(records(time), TRAINED, [RECORD])["record"]
    assert found.sizes["time"] == SAMPLES
    np.testing.assert_allclose(found, pulse(trained), atol=2e-3)
    wave = np.sin(2 * np.pi * 12 * time) * np.minimum(time / 0.1, 1)
    found = resampled(records(time, np.stack([wave, wave])[None]), TRAINED, [RECORD])["record"].values[0, 0]
    expected = np.sin(2 * np.pi * 12 * trained) * np.minimum(trained / 0.1, 1)
    np.testing.assert_allclose(found[:-1], expected[:-1], atol=0.02)
    np.testing.assert_allclose(found[-1], expected[-1], atol=0.1)
    with pytest.raises(ContractError, match=r"runs from 0 s to 0.384 s, expected at least 0 s to 0.396 s"):
        resampled(records(time[:-1]), TRAINED, [RECORD])
    with pytest.raises(ContractError, match=r"runs from 0 s to 0.392 s, expected at least 0 s to 0.396 s"):
        resampled(records(trained[:-1]), TRAINED, [RECORD])


def test_units_of_the_clock_are_converted_and_a_longer_record_is_cut() -> None:
    longer = resampled(records(0.002 * np.arange(300), unit="ms"), TRAINED, [RECORD])
    np.testing.assert_allclose(longer["record"], pulse(STEP * np.arange(SAMPLES)), atol=1e-6)
    same_clock = resampled(records(STEP * np.arange(140)), TRAINED, [RECORD])
    assert same_clock.sizes["time"] == SAMPLES


def test_a_record_on_the_clock_of_training_is_left_alone() -> None:
    ds = records(STEP * np.arange(SAMPLES))
    assert resampled(ds, TRAINED, [RECORD]) is ds


def test_energy_is_counted_above_a_frequency() -> None:
    time = 0.001 * np.arange(2000)
    slow, fast = np.sin(2 * np.pi * 20 * time), np.sin(2 * np.pi * 200 * time)
    assert energy_above((2 * slow + fast)[None], 0.001, 100) == pytest.approx(0.2, abs=1e-3)
    assert energy_above(np.stack([slow, slow + fast]), 0.001, 100) == pytest.approx(0.5, abs=1e-3)
    assert energy_above(np.zeros((1, 100)), 0.001, 100) == 0


@pytest.mark.parametrize(
    ("ds", "message"),
    [
        (
            records(0.001 * np.arange(400), pulse(0.001 * np.arange(400), peak=90.0)),
            r"variable 'record': .* % of the energy lies above 125 cycles per s, more than 0.01 %, and would "
            "be lost between a sample every 0.001 s and one every 0.004 s",
        ),
        (records(0.02 * np.arange(21)), "of the energy lies above 22.5 cycles per s"),
        (records(0.002 * np.arange(150)), "runs from 0 s to 0.298 s, expected at least 0 s to 0.396 s"),
        (records(0.1 + 0.002 * np.arange(250)), "runs from 0.1 s to 0.598 s, expected at least 0 s"),
        (records(np.r_[0.002 * np.arange(150), 0.4]), "'time' is not even: a step of 0.102 s after 0.298"),
    ],
)
def test_what_would_be_lost_or_made_up_is_refused(ds: xr.Dataset, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        resampled(ds, TRAINED, [RECORD])


def test_whole_finer_cells_are_averaged() -> None:
    ds = fields(5.0, (8, 12))
    found = resampled(ds, TRAINED, [FIELD])
    expected = ds["field"].values.reshape(2, 4, 2, 6, 2).mean((2, 4))
    np.testing.assert_allclose(found["field"], expected)
    np.testing.assert_allclose(found["depth"], [2.5, 12.5, 22.5, 32.5])
    assert found["field"].attrs == {"units": "m s-1"}


def test_cells_that_lie_in_two_count_by_their_areas() -> None:
    ds = fields(4.0, (10, 15))
    found = resampled(ds, TRAINED, [FIELD])["field"].values
    fine = ds["field"].values.repeat(2, axis=1).repeat(2, axis=2)  # 2 m cells fit both
    np.testing.assert_allclose(found, fine.reshape(2, 4, 5, 6, 5).mean((2, 4)))


def test_coarser_cells_are_refused_and_those_of_training_left_alone() -> None:
    ds = fields(10.0, (4, 6))
    assert resampled(ds, TRAINED, [FIELD]) is ds
    with pytest.raises(ContractError, match="'depth': cells of 20 m, expected 10 m or finer ones"):
        resampled(fields(20.0, (2, 3)), TRAINED, [FIELD])


def shots(*places: float, **attributes: str) -> dict:
    return {"shot": ("shot", np.asarray(places), {"units": "m", **attributes})}


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ((0.0, 160.0), "'shot': cell 1 lies at 160 m, expected 170 m as in training"),
        (
            (0.0, 85.0, 170.0),
            r"'record': 3 cells along 'shot', expected the 2 of training, at 0, 170 m; give these",
        ),
    ],
)
def test_shots_elsewhere_than_in_training_are_refused(places: tuple[float, ...], message: str) -> None:
    time = STEP * np.arange(SAMPLES)
    here = records(time, **shots(0.0, 170.0))
    assert resampled(here, TRAINED, [RECORD]) is here
    values = np.zeros((1, len(places), SAMPLES))
    with pytest.raises(ContractError, match=message):
        resampled(records(time, values, **shots(*places)), TRAINED, [RECORD])


def bare(ds: xr.Dataset, *dims: str) -> xr.Dataset:
    return ds.assign_coords({dim: ds[dim].to_numpy() for dim in dims})


def test_bare_numbers_are_read_in_the_units_of_training() -> None:
    here = bare(records(STEP * np.arange(SAMPLES), **shots(0.0, 170.0)), "time", "shot")
    assert resampled(here, TRAINED, [RECORD]) is here
    later = bare(records(0.5 + STEP * np.arange(SAMPLES)), "time")
    with pytest.raises(ContractError, match=r"runs from 0\.5 s to 0\.896 s, expected at least 0 s"):
        resampled(later, TRAINED, [RECORD])
    elsewhere = bare(records(STEP * np.arange(SAMPLES), **shots(0.0, 160.0)), "shot")
    with pytest.raises(ContractError, match="'shot': cell 1 lies at 160 m, expected 170 m as in training"):
        resampled(elsewhere, TRAINED, [RECORD])


@pytest.mark.parametrize(
    ("ds", "spec", "message"),
    [
        (
            bare(records(0.001 * np.arange(SAMPLES)), "time"),
            RECORD,
            r"'time' has no units and a step of 0.001, expected one of 0.004 s as in training; set ds\['t",
        ),
        (
            bare(fields(5.0, (4, 6)), "depth"),
            FIELD,
            "'depth' has no units and a step of 5, expected one of 10 m",
        ),
        (
            records(STEP * np.arange(SAMPLES), shot=("shot", [0.0, 170.0], {"units": "s"})),
            RECORD,
            "'shot' has the units 's', expected units such as 'm' as in training; correct",
        ),
    ],
)
def test_coordinates_whose_unit_is_not_that_of_training_are_refused(
    ds: xr.Dataset, spec: VariableSpec, message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        resampled(ds, TRAINED, [spec])


def test_a_clock_may_be_decoded() -> None:
    step = np.timedelta64(1, "ms")
    finer = records(0.001 * np.arange(400)).assign_coords(time=np.arange(400) * step)
    found = resampled(finer, TRAINED, [RECORD])
    np.testing.assert_array_equal(found["record"], pulse(STEP * np.arange(SAMPLES)).astype(np.float32))


def test_a_variable_that_does_not_say_how_is_not_touched() -> None:
    silent = RECORD.model_copy(update={"attributes": {}})
    ds = records(0.001 * np.arange(400), **shots(5.0, 6.0))
    assert resampled(ds, TRAINED, [silent]) is ds
    assert resampled(ds.drop_vars("time"), TRAINED, [silent]).sizes["time"] == 400
    # Nor is one that shares its clock with one that does not say.
    other = silent.model_copy(update={"name": "other"})
    both = ds.assign(other=ds["record"])
    with pytest.raises(ContractError, match="'shot': cell 0"):
        resampled(both, TRAINED, [RECORD])
    assert resampled(both, TRAINED, [RECORD, other]) is both


def test_words_that_name_no_method_are_refused() -> None:
    with pytest.raises(ContractError, match="'time: spline'; expected dimensions and one of"):
        resampled(
            records(STEP * np.arange(SAMPLES)),
            TRAINED,
            [RECORD.model_copy(update={"attributes": {"resampling": "time: spline"}})],
        )


@pytest.fixture(scope="module")
def surrogate(tmp_path_factory: pytest.TempPathFactory) -> Surrogate:
    torch.manual_seed(0)
    target = VariableSpec(name="answer", dims=("sample", "depth"), shape=(4,), units="m s-1")
    pipeline = Pipeline(
        PipelineConfig(
            inputs=[RECORD],
            targets=[target],
            transform={"name": "stack", "grid": [], "target_grid": []},
            network={"name": "mlp", "width": 8, "depth": 1},
        )
    )
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    given = {dim: xr.DataArray(each.values, dims=dim, attrs=each.attributes) for dim, each in TRAINED.items()}
    save_bundle(folder, pipeline, name="records", coordinates=given, ranges={"record": (-1.0, 1.0)})
    return surrogates.load(folder, device="cpu")


def test_a_surrogate_answers_a_finer_record_as_it_answers_its_own(surrogate, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    own = surrogate.predict(records(STEP * np.arange(SAMPLES), **shots(0.0, 170.0)))
    finer = surrogate.predict(records(0.001 * np.arange(397), **shots(0.0, 170.0)))
    xr.testing.assert_allclose(own, finer, rtol=1e-6)
    single = surrogate.predict(records(0.002 * np.arange(199), **shots(0.0, 170.0)).isel(sample=0))
    np.testing.assert_allclose(single["answer"], own["answer"][0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("with_places", [True, False])
def test_a_wrong_number_of_shots_is_one_clear_line(surrogate, with_places: bool) -> None:  # type: ignore[no-untyped-def]
    places = shots(0.0, 85.0, 170.0) if with_places else {}
    ds = records(STEP * np.arange(SAMPLES), np.zeros((1, 3, SAMPLES)), **places)
    with pytest.raises(ContractError, match=r"'record': 3 cells along 'shot', expected .*2") as caught:
        surrogate.predict(ds)
    assert len(str(caught.value).splitlines()) == 1


def test_both_parts_of_complex_traces_are_resampled():
    fine = 0.002 * np.arange(2 * SAMPLES)
    one, two = records(fine), records(fine, pulse(fine, peak=8.0))
    whole = one.assign(record=one["record"] + 1j * two["record"])
    spec = RECORD.model_copy(update={"dtype": "complex64"})
    found = resampled(whole, TRAINED, [spec])["record"]
    expected = [resampled(each, TRAINED, [RECORD])["record"] for each in (one, two)]
    assert found.shape == (1, 2, SAMPLES)
    np.testing.assert_allclose(found.real, expected[0], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.imag, expected[1], rtol=1e-5, atol=1e-7)
