"""Windows of extracts: whole blocks to each subset, so that the subsets share no ground."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import shapely

from datasets.radio.blocks import Ground, Wanted, place_windows
from datasets.radio.mapped import MapError
from datasets.radio.windows import Placed
from datasets.store.specs import TEST, TRAIN, VALIDATION

SIZE = 128.0


def wanted(**changes: object) -> Wanted:
    return Wanted(
        **(
            {
                "size": SIZE,
                "cell": 4.0,
                "share": 0.05,
                "validation": 0.15,
                "test": 0.15,
                "count": None,
                "seed": 0,
            }
            | changes
        )
    )  # type: ignore[arg-type]


def town(name: str = "town", east: float = 900.0, north: float = 700.0, step: float = 40.0) -> Ground:
    """A regular town of boxes of 20 m."""
    corners = product(np.arange(5.0, east - 20, step), np.arange(5.0, north - 20, step))
    boxes = np.array([shapely.box(x, y, x + 20, y + 20) for x, y in corners])
    return Ground.of(name, boxes, (0.4, 0.3, east, north), SIZE)


def of(placed: list[Placed], subset: int) -> list[Placed]:
    return [each for each in placed if each.subset == subset]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [None, 12, 60])
def test_parts_share_no_ground_and_windows_stay_in_the_extract(seed: int, count: int | None) -> None:
    grounds = [town(), town("village", 300, 300)]
    placed = place_windows(grounds, wanted(seed=seed, count=count))
    for one in placed:
        area = next(ground.area for ground in grounds if ground.name == one.city)
        assert area[0] <= one.window.west <= area[2] - SIZE
        assert area[1] <= one.window.south <= area[3] - SIZE
        for two in placed:
            apart = one.subset == two.subset or one.city != two.city
            assert apart or not one.window.overlaps(two.window)
    assert all(of(placed, part) for part in (TRAIN, VALIDATION, TEST))
    assert count is None or len(placed) == count


def test_without_a_number_each_block_has_one_window_and_none_overlap() -> None:
    placed = place_windows([town()], wanted())
    assert len(placed) == 7 * 5
    assert [len(of(placed, part)) for part in (TRAIN, VALIDATION, TEST)] == [25, 5, 5]
    windows = [each.window for each in placed]
    assert not any(a.overlaps(b) for i, a in enumerate(windows) for b in windows[:i])


def test_more_windows_than_blocks_overlap_within_their_part_alone() -> None:
    placed = place_windows([town(east=400, north=400)], wanted(count=90))
    assert [len(of(placed, part)) for part in (TRAIN, VALIDATION, TEST)] == [70, 10, 10]


def test_windows_are_a_function_of_the_seed() -> None:
    first, again, other = (place_windows([town()], wanted(seed=seed, count=50)) for seed in (1, 1, 2))
    assert first == again != other


def test_extract_smaller_than_the_window_is_centred_in_it() -> None:
    ground = town(east=60.0, north=90.0)
    (placed,) = place_windows([ground], wanted(share=0.01))
    assert placed.subset == TRAIN
    middle = (placed.window.west + SIZE / 2, placed.window.south + SIZE / 2)
    assert middle == pytest.approx((30.2, 45.2), abs=1.0)


def test_one_extract_of_one_block_trains_and_the_rest_of_many_is_divided() -> None:
    small = [town(f"town-{number}", 140, 140) for number in range(7)]
    placed = place_windows(small, wanted())
    assert [len(of(placed, part)) for part in (TRAIN, VALIDATION, TEST)] == [5, 1, 1]


def test_windows_have_the_share_of_buildings_that_is_asked_for() -> None:
    half_empty = [shapely.box(x, y, x + 20, y + 20) for x in range(5, 380, 40) for y in range(5, 700, 40)]
    ground = Ground.of("edge", np.array(half_empty), (0, 0, 900, 700), SIZE)
    placed = place_windows([ground], wanted(share=0.2, count=30))
    assert all(ground.share(each.window) >= 0.2 for each in placed)
    assert max(each.window.west for each in placed) < 400


def test_too_few_buildings_are_answered_with_the_densest_window() -> None:
    said = (
        r"no window of 128 m has 90\.0% .*; the densest, in town, has (\d\d)\.\d%: ask for built_share=0\.\1"
    )
    with pytest.raises(MapError, match=said):
        place_windows([town()], wanted(share=0.9))


def test_no_buildings_in_the_window_is_said_even_if_none_are_asked_for() -> None:
    far = Ground.of("far", np.array([shapely.box(5000, 0, 5020, 20)]), (0, 0, 300, 300), SIZE)
    with pytest.raises(MapError, match="no window of 128 m holds a building in far; take another extract"):
        place_windows([far], wanted(share=0.0))
