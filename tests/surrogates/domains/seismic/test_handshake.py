"""Surrogates of seismic data answer other clocks and cells where that is sound; else there is one line."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import surrogates
from datasets.seismic.variables import coordinates
from datasets.store.errors import ContractError
from physics.waves.seismic.propagator import simulate
from physics.waves.seismic.survey import Survey
from surrogates.inference.surrogate import Surrogate
from tests.surrogates.domains.seismic.small import CELLS, SURVEY, inversion_run, layers, write_store

FORWARD = {
    "inputs": ["velocity_model"],
    "targets": ["shot_gather"],
    "normalisation": {"inputs": "min_max", "targets": "standard"},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_store(str(tmp_path_factory.mktemp("data") / "store.zarr"))


@pytest.fixture(scope="module")
def inversion(store: str, tmp_path_factory: pytest.TempPathFactory) -> Surrogate:
    return surrogates.load(inversion_run(tmp_path_factory.mktemp("inversion") / "run", store), device="cpu")


@pytest.fixture(scope="module")
def forward(store: str, tmp_path_factory: pytest.TempPathFactory) -> Surrogate:
    run = inversion_run(tmp_path_factory.mktemp("forward") / "run", store, **FORWARD)
    return surrogates.load(run, device="cpu")


def gathers(survey: Survey = SURVEY) -> xr.Dataset:
    values = simulate(layers(2), survey)
    shared = coordinates(survey, CELLS, CELLS).drop_vars(["depth", "lateral"])
    return shared.assign(shot_gather=(("sample", "shot", "time", "receiver"), values))


def models(cells: int, spacing: float, **changes: object) -> xr.Dataset:
    velocity = np.repeat(np.repeat(layers(2), cells // CELLS, 1), cells // CELLS, 2)
    axes = {dim: (dim, spacing * np.arange(cells), {"units": "m"}) for dim in ("depth", "lateral")}
    values = (("sample", "depth", "lateral"), velocity, {"units": "m s-1"})
    return xr.Dataset({"velocity_model": values}, coords=axes).assign(**changes)


def test_gathers_of_every_step_of_the_solver_are_answered_like_those_of_every_fourth(
    inversion: Surrogate,
) -> None:
    own = inversion.predict(gathers())
    finer = inversion.predict(gathers(replace(SURVEY, time_stride=1)))
    xr.testing.assert_allclose(own, finer, rtol=1e-6)
    between = inversion.predict(gathers(replace(SURVEY, time_stride=3, steps=163)))
    np.testing.assert_allclose(between["velocity_model"], own["velocity_model"], rtol=2e-3)


def test_a_model_of_finer_cells_is_answered_like_one_of_those_of_training(forward: Surrogate) -> None:
    own, finer = forward.predict(models(CELLS, 10.0)), forward.predict(models(2 * CELLS, 5.0))
    np.testing.assert_allclose(own["shot_gather"], finer["shot_gather"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("survey", "message"),
    [
        (
            replace(SURVEY, source_columns=(0, 23)),
            "2 cells along 'shot', expected the 3 of training, at 0, 110",
        ),
        (
            replace(SURVEY, receiver_columns=tuple(range(20))),
            "20 cells along 'receiver', expected the 24 of training, at 0, 10, 20, 30, 40, 50, ... m",
        ),
        (replace(SURVEY, source_columns=(0, 12, 23)), "'shot': cell 1 lies at 120 m, expected 110 m"),
        (replace(SURVEY, steps=120), "'time': runs from 0 s to 0.116 s, expected at least 0 s to 0.156 s"),
        (replace(SURVEY, time_stride=1, frequency=90.0), "% of the energy lies above 125 cycles per s"),
    ],
)
def test_another_survey_is_refused_in_one_line(inversion: Surrogate, survey: Survey, message: str) -> None:
    with pytest.raises(ContractError, match=message) as caught:
        inversion.predict(gathers(survey))
    assert len(str(caught.value).splitlines()) == 1


def test_receivers_without_places_are_counted(inversion: Surrogate) -> None:
    ds = gathers().isel(receiver=slice(20)).drop_vars("receiver")
    with pytest.raises(ContractError, match="20 cells along 'receiver', expected 24"):
        inversion.predict(ds)


def test_coarser_models_and_impossible_velocities_are_refused(forward: Surrogate) -> None:
    with pytest.raises(ContractError, match="'depth': cells of 20 m, expected 10 m or finer ones"):
        forward.predict(models(CELLS, 20.0))
    fast = models(CELLS, 10.0)
    fast["velocity_model"][0, 3, 4] = 5200.0
    with pytest.raises(ContractError, match="5200 above the limit 4500 m s-1 at record 0, cell \\[3, 4\\]"):
        forward.predict(fast)


def test_gathers_of_another_source_are_refused(inversion: Surrogate) -> None:
    given = gathers()
    given["shot_gather"].attrs["source_frequency"] = 15.0
    with pytest.raises(ContractError, match="'source_frequency' is 15, expected 25 as in training"):
        inversion.predict(given)
