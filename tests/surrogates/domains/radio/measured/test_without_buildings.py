"""Maps without a building are answered by the process and universal kriging together."""

from pathlib import Path

import pytest
import torch

from surrogates.domains.radio.baselines.interpolators import UniversalKriging
from surrogates.domains.radio.measured.without_buildings import WithoutBuildings
from tests.pieces.radio import CELL, sector, unknown_buildings

PAIR = ("rsrp", "rsrp_standard_deviation")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict:
    made = unknown_buildings(Path())
    pipeline, batch = made["pipeline"], made["batch"]
    batch["rsrp_samples"][1] = torch.nan
    with torch.no_grad():
        plain = pipeline(batch)
        found = WithoutBuildings(sector(), CELL)(pipeline, batch)
    return {
        "plain": plain,
        "found": found,
        "kriging": UniversalKriging(sector(), CELL, "rsrp_samples"),
    } | made


def test_maps_with_a_building_or_without_a_measurement_keep_the_answer_of_the_process(given: dict) -> None:
    for name in PAIR:
        torch.testing.assert_close(given["found"][name][1:], given["plain"][name][1:], rtol=0, atol=0)


def test_elsewhere_the_answer_lies_between_both_nearer_to_the_surer_one(given: dict) -> None:
    first = {name: value[:1] for name, value in given["batch"].items()}
    kriged = given["kriging"](first)
    mean, deviation = (given["found"][name][0] for name in PAIR)
    process, its = (given["plain"][name][0] for name in PAIR)
    kriging, other = (kriged[name][0] for name in PAIR)
    assert (mean >= torch.minimum(process, kriging) - 1e-3).all()
    assert (mean <= torch.maximum(process, kriging) + 1e-3).all()
    surer = torch.where(its < other, process, kriging)
    assert ((mean - surer).abs() <= 0.5 * (process - kriging).abs() + 1e-3).all()
    expected = 1 / (1 / its.double() ** 2 + 1 / other.double() ** 2)
    weight = expected / its.double() ** 2
    variance = weight * its**2 + (1 - weight) * other**2 + weight * (1 - weight) * (process - kriging) ** 2
    torch.testing.assert_close(deviation.double(), variance.sqrt(), rtol=1e-3, atol=1e-3)
