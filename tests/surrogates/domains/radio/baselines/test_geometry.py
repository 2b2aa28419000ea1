"""What stands between the transmitter and a cell."""

import numpy as np
import pytest
import torch

from surrogates.domains.radio.baselines.geometry import FEATURES, cells_of, geometry_features
from surrogates.domains.radio.link import Link


def features(batch: dict, name: str) -> np.ndarray:
    return geometry_features(batch, 4.0, 2.0)[..., FEATURES.index(name)]


def test_cells_are_counted_eastwards_then_northwards_from_the_corner() -> None:
    cells = cells_of((2, 3), np.array([6.0, 2.0, 8.0]), 4.0)
    assert cells.position.tolist() == [[2, 2], [6, 2], [10, 2], [2, 6], [6, 6], [10, 6]]
    assert cells.distance[1] == 8.0
    assert cells.take(np.array([0, 1, 0, 0, 0, 1], dtype=bool)).position.tolist() == [[6, 2], [10, 6]]


def test_the_sector_pattern_falls_by_12_db_at_65_degrees_and_by_30_db_at_most(
    batch: dict, link: Link
) -> None:
    pattern = features(batch, "sector pattern")
    bearing = np.asarray(link.path(batch).link.azimuth)
    azimuth = bearing - np.asarray(batch["transmitter_azimuth"])[:, None, None]
    off = np.abs(np.degrees(np.angle(np.exp(1j * azimuth))))
    assert pattern[off < 3].min() > -0.1
    at_65 = np.abs(off - 65.0) < 0.5
    np.testing.assert_allclose(pattern[at_65], -12.0, atol=0.2)
    assert (pattern[off > 110] == -30.0).all()


def test_sine_and_cosine_tell_left_from_right_of_the_boresight(batch: dict) -> None:
    batch["transmitter_azimuth"] = torch.zeros(2)  # northwards
    sine, cosine = (features(batch, f"{name} of the angle off boresight") for name in ("sine", "cosine"))
    np.testing.assert_allclose(sine**2 + cosine**2, 1.0, atol=1e-6)
    assert (sine[0, :, 20:] > 0).all()  # the transmitter stands at 61 m, in column 15
    assert (sine[0, :, :14] < 0).all()
    assert (cosine[0, 9:] > 0).all()


def test_the_wall_blocks_what_lies_behind_it(batch: dict) -> None:
    clearance, blocked = features(batch, "clearance of the direct ray"), features(batch, "blocked length")
    assert clearance[0, 22, 15] < 0 < clearance[0, 12, 15]
    assert blocked[0, 22, 15] > 0
    assert blocked[0, 12, 15] == 0


def test_the_share_of_buildings_counts_the_cells_within_12_m(batch: dict) -> None:
    share = features(batch, "share of buildings nearby")
    disc = sum(np.hypot(i, j) <= 3 for i in range(-3, 4) for j in range(-3, 4))
    assert share[0, 13, 15] == pytest.approx(1 / disc)  # only the cell 12 m to the north is built
    assert share[0, 12, 15] == pytest.approx(0.0, abs=1e-9)
    batch["building_height"][:] = 5.0
    np.testing.assert_allclose(features(batch, "share of buildings nearby"), 1.0, atol=1e-9)
