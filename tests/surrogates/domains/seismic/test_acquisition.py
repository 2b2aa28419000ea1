"""A survey that was written into a store comes back from it."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from datasets.seismic.variables import coordinates, gather_spec
from datasets.store.errors import ContractError
from physics.waves.seismic.survey import Survey
from surrogates.domains.seismic.acquisition import sources_of, surveys_of_records, varying

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
    reflecting = replace(SURVEY, free_surface=True)
    assert surveys_of_records(gather_spec(reflecting), PLACES, 1, {}) == [reflecting]


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


def records(**variables: object) -> xr.Dataset:
    return xr.Dataset(variables, coords={"sample": [0, 1]})


def test_sources_are_read_by_the_names_of_dimensions_and_in_any_unit() -> None:
    fixed = {name: value for name, value in SPEC.attributes.items() if name != "source_frequency"}
    spec, lateral = (
        SPEC.model_copy(update={"attributes": fixed}),
        np.array([[0.0, 25.0], [50.0, 75.0], [1, 2]]),
    )
    given = records(
        source_frequency=("sample", [0.008, 0.02], {"units": "kHz"}),
        source_lateral=(("shot", "sample"), lateral / 1e3, {"units": "km"}),
    )
    found = sources_of(given, spec, without("shot"), "sample")
    np.testing.assert_allclose(found["source_frequency"], [8.0, 20.0])
    np.testing.assert_allclose(found["source_lateral"], lateral.T)
    alone = records(source_frequency=((), 9.0), source_lateral=("shot", [1.0, 2.0, 3.0]))
    found = sources_of(alone, spec, without("shot"), "sample")
    np.testing.assert_allclose(found["source_frequency"], [9.0, 9.0])
    np.testing.assert_allclose(found["source_lateral"], [[1.0, 2.0, 3.0]] * 2)


def test_sources_that_training_shares_may_be_told_again() -> None:
    same = records(
        source_frequency=("sample", [0.012, 0.012], {"units": "kHz"}),
        source_lateral=("shot", [0.0, 237.5, 487.5], {"units": "m"}),
    )
    assert sources_of(same, SPEC, PLACES, "sample") == {}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"source_frequency": ("sample", [12.0, 15.0])},
            "'source_frequency': 15 Hz found, 12 Hz as in training expected; train a surrogate on such",
        ),
        (
            {"source_lateral": ("shot", [0.0, 250.0, 487.5])},
            "'source_lateral': 250 m found, 237.5 m as in training expected",
        ),
        ({"source_frequency": ("sample", [np.nan] * 2)}, "nan Hz found, 12 Hz as in training"),
        (
            {"source_frequency": ("sample", [1.0, 2.0], {"units": "m"})},
            "variable 'source_frequency': units 'm' cannot be converted to 'Hz'",
        ),
        (
            {"source_lateral": (("sample", "source"), np.zeros((2, 3)))},
            r"'source_lateral': dimensions \('sample', 'source'\) found, \('sample', 'shot'\) expected",
        ),
    ],
)
def test_sources_of_others_than_training_are_refused(variables: dict[str, object], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        sources_of(records(**variables), SPEC, PLACES, "sample")


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
