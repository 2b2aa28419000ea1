"""The claims on rooms: the order of the simulator, and every number that claims and tables read."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from benchmarks.claims import files, runs
from benchmarks.claims.acoustics import (
    materials,
    network,
    residual,
    simulator,
    sources,
    training,
    transfer,
    varied,
    walls,
)
from benchmarks.claims.claim import Claim, claim_rows
from datasets.acoustics.rooms import Rooms
from datasets.factory.build import build
from datasets.factory.recipe import Recipe

SMALL = {
    "highest_frequency": 300.0,
    "cells_per_wavelength": 8,
    "duration": 0.004,
    "time_samples": 8,
    "points": 100,
    "source_grid": 3,
    "validation_sources": 3,
    "extrapolation_sources": 3,
}


def test_finer_cells_err_less_by_the_square_of_their_number() -> None:
    where = np.array([[0.7, 0.9]])
    (few, coarse, rmse), (many, fine, _) = (simulator.error(where, cells) for cells in (10, 20))
    assert np.log(coarse / fine) / np.log(many / few) == pytest.approx(2, abs=0.15)
    assert 0 < rmse < coarse


def test_errors_grow_with_time() -> None:
    where = np.array([[0.7, 0.9]])
    _, early, _ = simulator.error(where, 8, 400.0, 0.005)
    _, late, _ = simulator.error(where, 8, 400.0, 0.02)
    assert late > 1.5 * early


def test_a_coarse_duct_absorbs_as_the_admittance_of_its_wall_says() -> None:
    wall = walls.WALLS["impedance"]
    frequency, absorbed = walls.absorption(wall, 10)
    low = frequency < 1000
    assert np.abs(absorbed - wall.absorption(frequency))[low].max() < 0.005
    assert absorbed[low].mean() == pytest.approx(0.2, abs=0.005)


def walled(count: int, seed: int) -> dict[str, torch.Tensor]:
    """Records whose pressure is linear in the position of the source and in the admittance of the walls."""
    rng = np.random.default_rng(seed)
    source, impedance = rng.uniform(0, 1, (count, 2)), rng.uniform(2000, 40_000, count)
    pressure = np.stack([source[:, 0] - source[:, 1], 1e4 / impedance, source.sum(1)], axis=1)
    found = {"source_position": source, "wall_impedance": impedance, "sound_pressure": pressure}
    return {name: torch.from_numpy(values).float() for name, values in found.items()}


def test_continued_interpolation_is_exact_where_the_pressure_is_linear_in_the_admittance() -> None:
    known, asked = walled(30, 0), walled(50, 1)
    asked["source_position"] *= 1.5  # some of them outside
    asked["sound_pressure"][:, ::2] *= 1.5
    parameters = ("source_position", "wall_impedance")
    inside = varied.in_hull(varied.numbers(known, parameters), varied.numbers(asked, parameters))
    assert 0 < inside.sum() < len(inside)
    assert varied.in_hull(*[varied.numbers(known, parameters)] * 2).all()
    method = varied.continued(known, parameters)
    assert varied.record_errors({"ours": method}, asked)["ours"].max() < 1e-4


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small rooms, and networks after two steps."""

    def stored(recipe: Recipe, name: str) -> Path:
        build(recipe, str(tmp_path / f"{name}.zarr"), workers=0, progress=False)
        return tmp_path / f"{name}.zarr"

    def trained(axes: int, data: Path, seed: int, *extra: str) -> Path:
        few = {
            "trainer.max_steps": 2,
            "trainer.validate_every": 2,
            "trainer.batch_size": 4,
            "task.augmentations": [],
        }
        others = (each for each in extra if each.partition("=")[0] not in few)
        return whole(axes, data, seed, *others, *(f"{key}={value}" for key, value in few.items()))

    whole = training.trained
    monkeypatch.setattr(training, "ROOMS", {2: SMALL, 3: {**SMALL, "shape": "cube", "source_grid": 2}})
    monkeypatch.setattr(training, "trained", trained)
    monkeypatch.setattr(runs, "stored", stored)
    monkeypatch.setattr(runs, "RUNS", tmp_path / "runs")


def held(claims: list[Claim], values: Mapping[str, float]) -> list[bool]:
    """Whether claims hold by values that all seeds share."""
    rows = [
        {"command": each, "values": values, "seconds": 1.0, "commit": "a"}
        for each in claims[0].experiment.commands
    ]
    return [row.holds for row in claim_rows(claims, rows)]


@pytest.mark.slow  # trains, if only for two steps
def test_network_is_scored_beside_interpolation_on_both_kinds_of_sources(small: None) -> None:
    values = network.run_seed(0)
    assert len(held(network.claims(), values)) == len(network.claims())
    (table,) = network.tables([values])
    assert len(table.rows) == 8 and "-" not in [text for row in table.rows for text in row]
    for axes in "23":
        assert values[f"{axes}/kept/records"] == 4 * 100 * (9 if axes == "2" else 8)
        assert values[f"{axes}/kept/network"] > 4 * values[f"{axes}/parameters"]
        nearest, linear = (
            values[f"{axes}/test/{name}/relative_l2"] for name in ("nearest_record", "linear_interpolation")
        )
        assert linear < nearest < 2
        outside = [values[f"{axes}/extrapolation/{name}/rmse"] for name in training.BASELINES]
        assert len(set(outside)) == 1  # outside of the hull all take the nearest record
    assert not held(network.claims(), values)[0]


@pytest.mark.slow  # as above
def test_more_sources_help_interpolation(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "ALONG", (2, 4))
    values = sources.run_seed(0, along=(2, 4))
    few, many = (values[f"{count}/test/cubic_interpolation/relative_l2"] for count in (4, 16))
    assert many < 0.5 * few
    (table,) = sources.tables([values])
    assert len(table.rows) == 8 and "-" not in [text for row in table.rows for text in row]


@pytest.mark.slow  # as above
@pytest.mark.parametrize(("module", "rows"), [(varied, 15), (transfer, 13), (residual, 6), (materials, 8)])
def test_claims_and_tables_find_their_numbers(module: ModuleType, rows: int, small: None) -> None:
    if module is materials and not (files.folder("acoustics") / materials.POLES).exists():
        pytest.skip("the published poles are not there")
    values = module.run_seed(0)
    assert len(held(module.claims(), values)) == len(module.claims())
    (table,) = module.tables([values])
    assert len(table.rows) == rows
    if module is not transfer:  # where interpolation keeps the records, not counted in steps
        hull = table.header.index("outside the hull") if module is varied else None
        assert "-" not in [text for row in table.rows for index, text in enumerate(row) if index != hull]


def test_stores_of_other_sources_have_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "stored", lambda recipe, name: (recipe, name))
    made = {side: training.store(2, source_grid=side) for side in sources.ALONG}
    assert len({name for _, name in made.values()}) == len(sources.ALONG)
    assert all(isinstance(recipe, Rooms) for recipe, _ in made.values())
