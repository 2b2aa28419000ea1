"""`invert`: a network's answer, what it would record, and how much better a few steps make it."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import surrogates
from datasets.seismic.variables import coordinates, gather_spec
from datasets.store.errors import ContractError
from physics.waves.seismic.propagator import simulate
from surrogates.domains.seismic.judgement import RefinementWarning
from surrogates.inference.surrogate import Surrogate
from tests.silence import no_warnings
from tests.surrogates.domains.seismic.small import CELLS, SURVEY, inversion_run, layers, write_store

TRUTH = layers(3, seed=5)
OBSERVED = simulate(TRUTH, SURVEY)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_store(str(tmp_path_factory.mktemp("data") / "store.zarr"))


@pytest.fixture(scope="module")
def surrogate(store: str, tmp_path_factory: pytest.TempPathFactory) -> Surrogate:
    return surrogates.load(inversion_run(tmp_path_factory.mktemp("inversion") / "run", store), device="cpu")


def gathers(**changes: object) -> xr.Dataset:
    shared = coordinates(SURVEY, CELLS, CELLS).drop_vars(["depth", "lateral"])
    attributes = gather_spec(SURVEY).to_attributes() | changes
    return shared.assign(shot_gather=(("sample", "shot", "time", "receiver"), OBSERVED, attributes))


def test_answer_is_the_networks_and_its_gathers_are_those_of_a_simulation(surrogate: Surrogate) -> None:
    answer = surrogate.seismic.invert(gathers(), progress=False)
    np.testing.assert_array_equal(
        answer["velocity_model"], surrogate.predict(gathers())["velocity_model"].clip(1500.0, 4500.0)
    )
    simulated = simulate(answer["velocity_model"].to_numpy(), SURVEY)
    np.testing.assert_array_equal(answer["shot_gather_resimulated"], simulated)
    misfit = np.linalg.norm((simulated - OBSERVED).reshape(3, -1), axis=1)
    misfit /= np.linalg.norm(OBSERVED.reshape(3, -1), axis=1)
    np.testing.assert_allclose(answer["data_misfit"].isel(step=0), misfit, rtol=1e-4)
    assert "velocity_model_refined" not in answer


def test_refinement_lowers_the_misfit_and_everything_says_what_it_is(surrogate: Surrogate) -> None:
    answer = surrogate.seismic.invert(gathers(), refine_steps=4, progress=False)
    misfit = answer["data_misfit"]
    assert misfit.dims == ("sample", "step")
    assert (misfit.isel(step=-1) < 0.9 * misfit.isel(step=0)).all()
    assert (misfit.diff("step") <= 0).all()
    simulated = simulate(answer["velocity_model_refined"].to_numpy(), SURVEY)
    np.testing.assert_array_equal(answer["shot_gather_refined"], simulated)
    assert answer["velocity_model_refined"].attrs["units"] == "m s-1"
    for name, variable in answer.data_vars.items():
        assert variable.attrs["units"] and variable.attrs["long_name"], name
    assert {"depth", "lateral", "time", "receiver", "shot", "step"} <= set(answer.coords)


def test_one_gather_without_the_record_dimension_is_one_answer(surrogate: Surrogate) -> None:
    whole = surrogate.seismic.invert(gathers(), refine_steps=1, progress=False)
    one = surrogate.seismic.invert(gathers().isel(sample=1), refine_steps=1, progress=False)
    assert one["data_misfit"].dims == ("step",)
    xr.testing.assert_allclose(one, whole.isel(sample=1), rtol=1e-4, atol=1e-4)


def test_dimensions_may_come_in_any_order_and_clocks_in_any_unit(surrogate: Surrogate) -> None:
    whole = surrogate.seismic.invert(gathers(), progress=False)
    turned = gathers().transpose("receiver", "time", "shot", "sample")
    turned = turned.assign_coords(time=("time", 1e3 * turned["time"].to_numpy(), {"units": "ms"}))
    np.testing.assert_array_equal(
        surrogate.seismic.invert(turned, progress=False)["data_misfit"], whole["data_misfit"]
    )


def test_gathers_may_come_in_any_unit(surrogate: Surrogate) -> None:
    whole = surrogate.seismic.invert(gathers(), refine_steps=1, progress=False)
    percent = gathers(units="percent")
    percent["shot_gather"] = percent["shot_gather"].copy(data=100.0 * OBSERVED)
    answer = surrogate.seismic.invert(percent, refine_steps=1, progress=False)
    xr.testing.assert_allclose(answer, whole, rtol=1e-3, atol=1e-4)


def test_ensemble_tells_how_sure_it_is(store: str, tmp_path: Path) -> None:
    runs = [inversion_run(tmp_path / name, store) for name in "ab"]
    answer = surrogates.load(runs, device="cpu").seismic.invert(gathers(), progress=False)
    assert answer["velocity_model_standard_deviation"].shape == TRUTH.shape


def test_progress_goes_to_stderr_alone(surrogate: Surrogate, capsys: pytest.CaptureFixture[str]) -> None:
    surrogate.seismic.invert(gathers(), refine_steps=2)
    shown = capsys.readouterr()
    assert "step 6/6" in shown.err
    assert not shown.out


def test_surrogate_of_another_direction_is_refused(store: str, tmp_path: Path) -> None:
    task = {"inputs": ["velocity_model"], "targets": ["shot_gather"]}
    forward = surrogates.load(inversion_run(tmp_path / "run", store, **task), device="cpu")
    with pytest.raises(
        ContractError, match=r"predicts \['shot_gather'\] from .*; load one that was trained for"
    ):
        forward.invert(gathers())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (gathers().rename(shot_gather="p"), "no variable 'shot_gather' among .*rename yours"),
        (gathers(source_frequency=20.0), "'source_frequency' is 20, expected 25 as in training"),
        (
            gathers().assign(source_frequency=("sample", [25.0, 20.0, 25.0], {"units": "Hz"})),
            "variable 'source_frequency': 20 Hz found, 25 Hz as in training expected",
        ),
        (gathers(wavelet="klauder"), "wavelet 'klauder' found, 'ricker' expected"),
        (
            gathers().isel(shot=slice(2)),
            "'shot_gather': 2 cells along 'shot', expected the 3 of training, at 0, 110, 230 m; give these",
        ),
        (
            gathers().isel(receiver=slice(0, None, 2)),
            "'shot_gather': 12 cells along 'receiver', expected the 24 of training, at 0, 10, 20,",
        ),
        (
            gathers().rename(time="sample_time"),
            r"dimensions \(sample, shot, sample_time, receiver\), expected",
        ),
        (gathers(units="m"), "variable 'shot_gather': units 'm' cannot be converted to '1'"),
    ],
)
def test_gathers_that_were_recorded_otherwise_are_refused(
    surrogate: Surrogate, given: xr.Dataset, message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        surrogate.seismic.invert(given, refine_steps=1)


@pytest.mark.parametrize("steps", [-1, 1.5, True])
def test_steps_that_cannot_be_counted_are_refused(surrogate: Surrogate, steps: object) -> None:
    message = rf"refine_steps is {steps}; expected a whole number, 0 \(no refinement\) or more"
    with pytest.raises(ValueError, match=message):
        surrogate.seismic.invert(gathers(), refine_steps=steps)


def test_dead_trace_is_silent_for_the_network_and_does_not_count_in_the_misfit(surrogate: Surrogate) -> None:
    given = gathers()
    dead = given.assign(shot_gather=given["shot_gather"].where(given["receiver"] != 50.0))
    answer = surrogate.seismic.invert(dead, refine_steps=np.int64(1), progress=False)
    np.testing.assert_array_equal(
        answer["velocity_model"],
        surrogate.predict(dead.fillna(0.0))["velocity_model"].clip(1500.0, 4500.0),
    )
    difference = (answer["shot_gather_resimulated"] - given["shot_gather"]).drop_sel(receiver=50.0)
    observed = given["shot_gather"].drop_sel(receiver=50.0)
    misfit = np.sqrt((difference**2).sum(("shot", "time", "receiver")) / (observed**2).sum(observed.dims[1:]))
    np.testing.assert_allclose(answer["data_misfit"].isel(step=0), misfit, rtol=1e-4)


def test_failed_refinement_is_flagged_and_warned_of_where_it_was_called(surrogate: Surrogate) -> None:
    """Fresh weights are far from the truth, which two steps do not mend; the limit spares one record."""
    given = gathers().assign_coords(sample=["north", "middle", "south"])
    with pytest.warns(RefinementWarning, match=r"3 of 3 records .* \(sample north, middle, south;"):
        found = surrogate.seismic.invert(given, refine_steps=2, progress=False)
    left = found["remaining_misfit"]
    assert found["refinement_trusted"].values.tolist() == [0, 0, 0]
    np.testing.assert_allclose(left, found["data_misfit"].isel(step=-1), rtol=1e-3)
    limit = float(np.sort(left)[:2].mean())
    with pytest.warns(RefinementWarning, match=r"2 of 3 records left a misfit above") as caught:
        found = surrogate.seismic.invert(given, refine_steps=2, trusted_below=limit, progress=False)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(found["refinement_trusted"], left <= limit)


def test_limit_of_trust_is_the_users(surrogate: Surrogate) -> None:
    with no_warnings():
        found = surrogate.seismic.invert(gathers(), refine_steps=1, trusted_below=100.0, progress=False)
    assert (found["refinement_trusted"] == 1).all()
    with pytest.raises(ValueError, match=r"^trusted_below is 0; expected a misfit above 0"):
        surrogate.seismic.invert(gathers(), refine_steps=1, trusted_below=0)


def test_noise_is_told_by_the_record_or_given(surrogate: Surrogate) -> None:
    noisy = gathers()
    noise = np.random.default_rng(0).normal(size=OBSERVED.shape)
    power = np.sqrt((OBSERVED.astype(np.float64) ** 2).mean((1, 2, 3), keepdims=True))
    noisy["shot_gather"] = noisy["shot_gather"].copy(data=OBSERVED + 0.4 * power * noise)
    told = surrogate.seismic.invert(noisy, progress=False)["noise_level"]
    np.testing.assert_allclose(told, 0.4 / np.hypot(1, 0.4), rtol=0.2)
    assert (surrogate.seismic.invert(gathers(), progress=False)["noise_level"] < 0.01).all()
    given = surrogate.seismic.invert(noisy, refine_steps=1, noise=[0.1, 0.2, 0.3], progress=False)
    np.testing.assert_array_equal(given["noise_level"], [0.1, 0.2, 0.3])


def test_mistyped_stages_are_refused_before_anything_is_predicted(
    surrogate: Surrogate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(surrogate), "predict", lambda *_: pytest.fail("predicted first"))
    with pytest.raises(ValueError, match=r"^frequencies: \[10.0, 5.0\] Hz found, growing corners"):
        surrogate.seismic.invert(gathers(), refine_steps=1, frequencies=(10, 5))
