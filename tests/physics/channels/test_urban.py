"""Urban cells: users who approach are heard higher, samples are their own, and far ones are refused."""

import numpy as np
import pytest
import torch

from physics.channels.panel import Panel
from physics.channels.sounding import Sounding
from physics.channels.urban import HEIGHTS, urban

SOUNDING = Sounding(Panel(1, 2, 1), interval=1e-3, snapshots=4)
POSITION = np.array([80.0, 60.0, 1.5])


def rngs(count: int, first: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([7, first + number]) for number in range(count)]


@pytest.mark.parametrize("kind", ["UMi", "UMa"])
def test_the_line_of_sight_turns_with_the_speed_towards_the_base_station(kind: str) -> None:
    towards = np.array([0.0, 0.0, HEIGHTS[kind]]) - POSITION
    velocity = 30.0 * towards / np.linalg.norm(towards)
    rows = np.ones((8, 1))
    paths = urban(kind, rows * POSITION, rows * velocity, rngs(8), SOUNDING, line_of_sight=True)  # type: ignore[arg-type]
    first = paths.coefficients[:, :, 0]
    turned = (first[..., 1:] * first[..., :-1].conj()).sum((0, 1, 2)).angle()
    expected = 2 * np.pi * SOUNDING.doppler(30.0) * SOUNDING.interval
    assert float(turned) == pytest.approx(expected, abs=0.15)


def test_a_sample_is_the_same_in_any_batch_whatever_its_number_of_paths() -> None:
    positions = np.array([[30.0, 5.0, 1.5], [100.0, -40.0, 1.5], [150.0, 90.0, 1.5]])
    velocity = np.ones((3, 3))
    together = urban("UMa", positions, velocity, rngs(3), SOUNDING)
    for number in range(3):
        alone = urban("UMa", positions[number][None], velocity[:1], rngs(1, number), SOUNDING)
        count = alone.delays.shape[1]
        assert torch.equal(together.coefficients[number, :, :count], alone.coefficients[0])
        assert torch.equal(together.delays[number, :count], alone.delays[0])
        assert not together.coefficients[number, :, count:].any()


@pytest.mark.parametrize(
    ("kind", "position", "message"),
    [
        ("RMa", POSITION, "kind: 'RMa' found, one of UMi, UMa expected"),
        ("UMa", POSITION * 100, "distance: 10000 m found, 10 to 5000 m expected"),
        ("UMa", POSITION * np.nan, r"positions: shape \(1, 3\) found, \(1, 3\) without NaN expected"),
        ("UMi", POSITION[:2], r"positions: shape \(1, 2\) found, \(1, 3\) without NaN expected"),
    ],
)
def test_what_no_cell_has_is_refused(kind: str, position: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        urban(kind, position[None], np.ones((1, 3)), rngs(1), SOUNDING)  # type: ignore[arg-type]
