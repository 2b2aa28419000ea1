"""A survey that was written into a store comes back from it."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from datasets.seismic.variables import coordinates, gather_spec
from datasets.store.errors import ContractError
from physics.waves.seismic.survey import Survey
from surrogates.domains.seismic.acquisition import surveys_of_records, varying

SURVEY = Survey(
    spacing=12.5,
    time_step=8e-4,
    steps=401,
    time_stride=4,
    frequency=12.0,
    source_columns=(0, 19, 39),
    receiver_columns=tuple(range(2, 40, 2)),
    source_row=2,
    receiver_row=3,
)
SPEC = gather_spec(SURVEY)
PLACES = dict(coordinates(SURVEY, 30, 40).coords)


def without(*names: str) -> dict[str, xr.DataArray]:
    return {name: value for name, value in PLACES.items() if name not in names}


def test_a_survey_that_all_records_share_comes_back() -> None:
    assert varying(SPEC, PLACES) == ()
    assert surveys_of_records(SPEC, PLACES, 2, {}) == [SURVEY, SURVEY]


def test_sources_of_each_record_come_from_its_variables() -> None:
    fixed = {name: value for name, value in SPEC.attributes.items() if name != "source_frequency"}
    spec, places = SPEC.model_copy(update={"attributes": fixed}), without("shot")
    assert varying(spec, places) == ("source_frequency", "source_lateral")
    frequencies, columns = np.array([8.0, 20.0]), np.array([[3, 1, 2], [9, 8, 7]])
    found = surveys_of_records(
        spec, places, 2, {"source_frequency": frequencies, "source_lateral": columns * 12.5}
    )
    assert found == [SURVEY.at(8.0, (3, 1, 2)), SURVEY.at(20.0, (9, 8, 7))]
    with pytest.raises(ContractError, match=r"neither the attribute 'source_frequency' .* nor a variable"):
        surveys_of_records(spec, places, 2, {"source_lateral": columns * 12.5})
    with pytest.raises(
        ContractError, match=r"neither a coordinate 'shot' .* nor a variable 'source_lateral'"
    ):
        surveys_of_records(spec, places, 2, {"source_frequency": frequencies})


def test_shorter_records_need_fewer_steps() -> None:
    time = PLACES["time"][:50]
    (found,) = surveys_of_records(SPEC, PLACES | {"time": time}, 1, {})
    assert found == replace(SURVEY, steps=49 * 4 + 1)
    assert found.samples == 50


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (without("receiver"), "coordinate 'receiver' is missing among"),
        (
            PLACES | {"receiver": PLACES["receiver"] + 3.0},
            "receiver: 28 m found, the middle of a cell expected",
        ),
        (PLACES | {"shot": PLACES["shot"] + 3.0}, "source: 3 m found"),
        (PLACES | {"depth": PLACES["depth"] * 2}, "cells of 25 m found, 12.5 m as along the line expected"),
        (PLACES | {"lateral": PLACES["lateral"] ** 2}, "coordinate 'lateral': even, growing steps expected"),
        (
            PLACES | {"time": PLACES["time"] * 1.3},
            r"every 0.00416 s from 0 s found, whole steps .*\(0.0008 s\)",
        ),
        (PLACES | {"time": PLACES["time"] + 0.1}, "samples every 0.0032 s from 0.1 s found"),
    ],
)
def test_places_that_a_simulation_cannot_have_are_refused(
    changed: dict[str, xr.DataArray], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        surveys_of_records(SPEC, changed, 1, {})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("wavelet", None, "wavelet None found, 'ricker' expected"),
        ("wavelet", "klauder", "wavelet 'klauder' found"),
        ("solver_time_step", None, "attribute 'solver_time_step' None found, a number expected; write it"),
        (
            "solver_time_step",
            3.2e-6,
            "solver_time_step 3.2e-06 s found for samples every 0.0032 s, at most 100 steps from one to",
        ),
        ("source_depth", "surface", "attribute 'source_depth' 'surface' found, a number expected"),
        ("receiver_depth", 7.0, "receiver depth: 7 m found, the middle of a cell expected"),
    ],
)
def test_attributes_that_are_missing_or_do_not_fit_are_named(name: str, value: object, message: str) -> None:
    spec = SPEC.model_copy(update={"attributes": SPEC.attributes | {name: value}})
    with pytest.raises(ContractError, match=message):
        surveys_of_records(spec, PLACES, 1, {})
