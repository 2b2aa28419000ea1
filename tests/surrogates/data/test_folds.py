"""Protocols of held-out cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogates.data.folds import RandomCells, SpatialBlocks

SHAPE = (32, 40)
MAPS = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random(SHAPE) < 0.3)
DRAWS = st.integers(0, 10_000)
SIDES = st.sampled_from([8.0, 16.0, 32.0, 64.0])


@settings(max_examples=50, deadline=None)
@given(MAPS, st.integers(0, 1000), SIDES)
def test_the_folds_of_a_division_hold_out_every_measured_cell_exactly_once(
    measured: np.ndarray, division: int, side: float
) -> None:
    protocol = SpatialBlocks(side, 4.0)
    count = sum(
        protocol.split(measured, division * protocol.folds + fold).held_out.astype(int)
        for fold in range(protocol.folds)
    )
    assert (count == measured).all()


@settings(max_examples=50, deadline=None)
@given(MAPS, DRAWS, SIDES)
def test_no_block_has_both_given_and_held_out_cells(measured: np.ndarray, draw: int, side: float) -> None:
    protocol = SpatialBlocks(side, 4.0)
    given_cells, held_out = protocol.split(measured, draw)
    blocks = protocol.block_of_cells(SHAPE, draw // protocol.folds % protocol.origins)
    assert not set(blocks[given_cells]) & set(blocks[held_out])


@settings(max_examples=50, deadline=None)
@given(MAPS, DRAWS)
def test_given_cells_are_measured_and_never_held_out(measured: np.ndarray, draw: int) -> None:
    for protocol in (RandomCells(samples=50), SpatialBlocks(32.0, 4.0, samples=50)):
        given_cells, held_out = protocol.split(measured, draw)
        assert given_cells.sum() == 50
        assert not (given_cells & held_out).any()
        assert (measured | ~(given_cells | held_out)).all()


@settings(max_examples=20, deadline=None)
@given(MAPS, st.lists(DRAWS, min_size=2, max_size=5))
def test_a_draw_follows_from_its_number_whatever_was_drawn_before(
    measured: np.ndarray, draws: list[int]
) -> None:
    for protocol in (RandomCells(samples=50), SpatialBlocks(16.0, 4.0)):
        forth = [protocol.split(measured, draw) for draw in draws]
        back = [protocol.split(measured, draw) for draw in reversed(draws)][::-1]
        for one, two in zip(forth, back, strict=True):
            assert (one.given == two.given).all()
            assert (one.held_out == two.held_out).all()


def test_half_of_the_cells_are_given_where_fewer_than_300_were_measured() -> None:
    for count, expected in ((100, 50), (231, 115), (299, 149), (300, 200), (530, 200)):
        measured = np.zeros(1000, dtype=bool)
        measured[:count] = True
        assert RandomCells().split(measured.reshape(25, 40), 0).given.sum() == expected


def test_the_second_origin_shifts_the_blocks_by_half_a_block() -> None:
    protocol = SpatialBlocks(64.0, 4.0)
    first, second = (protocol.block_of_cells((64, 64), origin) for origin in (0, 1))
    assert (np.unique(np.diff(first[0]).nonzero()[0] + 1) == [16, 32, 48]).all()
    assert (np.unique(np.diff(second[0]).nonzero()[0] + 1) == [8, 24, 40, 56]).all()
    assert np.unique(first).size == 16
    assert np.unique(second).size == 25


def test_blocks_are_squares_of_their_side() -> None:
    blocks = SpatialBlocks(64.0, 4.0).block_of_cells((64, 64), 0)
    for number in np.unique(blocks):
        rows, columns = np.nonzero(blocks == number)
        assert np.ptp(rows) == np.ptp(columns) == 15
        assert rows.size == 16 * 16


def test_seeds_and_divisions_give_other_folds() -> None:
    measured = np.ones(SHAPE, dtype=bool)
    protocol = SpatialBlocks(16.0, 4.0)
    drawn = [protocol.split(measured, draw).held_out for draw in range(5 * protocol.folds)]
    drawn += [SpatialBlocks(16.0, 4.0, seed=1).split(measured, draw).held_out for draw in range(5)]
    assert len({each.tobytes() for each in drawn}) == len(drawn)


def test_too_few_blocks_are_refused_with_the_number_needed() -> None:
    measured = np.zeros((64, 64), dtype=bool)
    measured[:16, :48] = True
    with pytest.raises(
        ValueError, match="768 measured cells lie in 3 blocks of 64 m; 5 folds need at least 5"
    ):
        SpatialBlocks(64.0, 4.0).split(measured, 0)


def test_a_side_that_does_not_fit_the_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="take a side that is a multiple of 8 m"):
        SpatialBlocks(60.0, 4.0)


def test_maps_that_never_hold_enough_blocks_are_refused() -> None:
    protocol = SpatialBlocks(128.0, 4.0)
    with pytest.raises(ValueError, match="128 x 128 m holds at most 4 blocks of 128 m, 5 folds need 5"):
        protocol.require_room((32, 32))
    protocol.require_room((64, 64))
