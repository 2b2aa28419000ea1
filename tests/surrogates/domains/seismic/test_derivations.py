"""Gathers of a predicted velocity model, and first arrivals of gathers, as variables that are scored."""

import sys
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.seismic.variables import coordinates, gather_spec, velocity_spec
from datasets.store.specs import VariableSpec
from physics.waves.seismic.propagator import simulate
from surrogates.core.errors import ConfigError, MissingExtraError
from surrogates.learning.context import Context
from surrogates.learning.contract import Derivation
from tests.surrogates.domains.seismic.small import CELLS, SURVEY, layers

PLACES: dict[str, xr.DataArray] = {str(n): c for n, c in coordinates(SURVEY, CELLS, CELLS).coords.items()}
SPECS = {"velocity_model": velocity_spec(CELLS, CELLS), "shot_gather": gather_spec(SURVEY)}
TRUTH = layers(2)
OBSERVED = torch.from_numpy(simulate(TRUTH, SURVEY))


def derivation(name: str, specs: Any = SPECS, places: Any = PLACES, **arguments: Any) -> Any:
    return Derivation.build({"name": name, **arguments}, Context.of((), (), specs=specs, shared=places))


def test_true_velocity_gives_the_observed_gathers() -> None:
    made = derivation("seismic/resimulation")
    (spec,) = made.provides()
    assert spec.name == "shot_gather_resimulated"
    assert (spec.dims, spec.shape, spec.units) == (
        ("sample", "shot", "time", "receiver"),
        (3, 40, CELLS),
        "1",
    )
    batch = {"shot_gather": OBSERVED}
    found = made.of_prediction({"velocity_model": torch.from_numpy(TRUTH)}, batch)
    assert torch.equal(found[spec.name], made.of_truth(batch)[spec.name])
    other = made.of_prediction({"velocity_model": torch.from_numpy(TRUTH) + 100}, batch)
    assert not torch.allclose(other[spec.name], OBSERVED, atol=0.1)
    assert made.of_prediction({"shot_gather": OBSERVED}, batch) == {}


def test_velocity_outside_of_the_range_counts_as_the_nearest_inside() -> None:
    made = derivation("seismic/resimulation")
    wild = torch.from_numpy(TRUTH).clone()
    wild[:, :12], wild[:, 12:] = -20.0, 99_000.0
    tame = wild.clamp(1500.0, 4500.0)
    batch = {"shot_gather": OBSERVED}
    first, second = (made.of_prediction({"velocity_model": each}, batch) for each in (wild, tame))
    assert torch.equal(first["shot_gather_resimulated"], second["shot_gather_resimulated"])


def test_sources_that_differ_between_records_are_read() -> None:
    fixed = {k: v for k, v in SPECS["shot_gather"].attributes.items() if k != "source_frequency"}
    specs = SPECS | {"shot_gather": SPECS["shot_gather"].model_copy(update={"attributes": fixed})}
    made = derivation("seismic/resimulation", specs, {k: v for k, v in PLACES.items() if k != "shot"})
    assert made.variables == ("shot_gather", "source_frequency", "source_lateral")
    frequencies, columns = [20.0, 30.0], [(1, 2, 3), (20, 10, 0)]
    surveys = [SURVEY.at(*each) for each in zip(frequencies, columns, strict=True)]
    batch = {
        "shot_gather": OBSERVED,
        "source_frequency": torch.tensor(frequencies),
        "source_lateral": torch.tensor(columns) * 10.0,
    }
    found = made.of_prediction({"velocity_model": torch.from_numpy(TRUTH)}, batch)
    np.testing.assert_array_equal(found["shot_gather_resimulated"], simulate(TRUTH, surveys))


def test_first_arrival_lies_where_the_trace_reaches_the_share_between_samples() -> None:
    made = derivation("seismic/first_arrival", share=0.25)
    (spec,) = made.provides()
    assert (spec.name, spec.dims, spec.shape) == ("first_arrival", ("sample", "shot", "receiver"), (3, CELLS))
    gather = torch.zeros(2, 3, 40, CELLS)
    gather[0, 0, 10:14, 5] = torch.tensor([-0.1, -0.3, 1.0, 0.9])  # 0.25 lies 3/4 between samples 10 and 11
    gather[0, 1, 0, 0] = 1.0
    found = made.of_truth({"shot_gather": gather})["first_arrival"]
    assert found[0, 0, 5].item() == pytest.approx(10.75 * 4e-3)
    assert found[0, 1, 0].item() == 0.0
    assert found.isnan().sum() == 2 * 3 * CELLS - 2
    prediction = made.of_prediction({"shot_gather": gather}, {})
    assert torch.equal(prediction["first_arrival"].nan_to_num(), found.nan_to_num())
    assert made.of_prediction({"velocity_model": gather}, {}) == {}


def test_first_arrivals_follow_the_direct_wave() -> None:
    found = derivation("seismic/first_arrival").of_truth(
        {"shot_gather": torch.from_numpy(simulate(np.full((1, CELLS, CELLS), 2000.0), SURVEY))}
    )["first_arrival"][0, 0]
    slope = np.polyfit(10.0 * np.arange(4, CELLS), found[4:].numpy(), 1)[0]
    assert slope == pytest.approx(1 / 2000.0, rel=0.03)


@pytest.mark.parametrize("name", ["seismic/resimulation", "seismic/first_arrival"])
def test_data_without_gathers_are_refused(name: str) -> None:
    specs: dict[str, VariableSpec] = {"velocity_model": SPECS["velocity_model"]}
    with pytest.raises(ConfigError, match=f"{name}: no variable 'shot_gather' among velocity_model"):
        derivation(name, specs)


def test_gathers_without_a_clock_are_refused() -> None:
    with pytest.raises(ConfigError, match="no coordinate 'time' among depth, lateral, receiver, shot"):
        derivation("seismic/first_arrival", places={k: v for k, v in PLACES.items() if k != "time"})


def test_a_missing_solver_is_named_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepwave", None)
    with pytest.raises(MissingExtraError, match=r"'seismic/resimulation' needs .*surrogates\[seismic\]"):
        derivation("seismic/resimulation")
    derivation("seismic/first_arrival")
