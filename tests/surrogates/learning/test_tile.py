"""A window of a larger field: what is read, and what lies around it."""

from typing import Any

import pytest
import torch

from surrogates.learning.tile import Tile, inner

FIELD = torch.arange(1.0 * 9 * 12).view(1, 9, 12)


@pytest.fixture
def reads() -> list[tuple[str, Any]]:
    return []


def tile(reads: list[tuple[str, Any]], rows: slice, columns: slice) -> Tile:
    def reader(name: str, window: tuple[slice, ...]) -> torch.Tensor:
        reads.append((name, window))
        return FIELD[(slice(None), *window)]

    return Tile(["height"], (rows, columns), (9, 12), reader)


def test_an_input_is_read_once_and_in_the_window_alone(reads: list) -> None:
    made = tile(reads, slice(2, 5), slice(4, 8))
    assert (list(made), len(made), "height" in made) == (["height"], 1, True)
    torch.testing.assert_close(made["height"], FIELD[:, 2:5, 4:8])
    assert made["height"] is made["height"]
    assert reads == [("height", (slice(2, 5), slice(4, 8)))]
    with pytest.raises(KeyError):
        made["depth"]


@pytest.mark.parametrize(
    ("rows", "columns", "wide"),
    [
        (slice(3, 5), slice(4, 8), (slice(1, 7), slice(2, 10))),
        (slice(0, 3), slice(10, 12), (slice(0, 5), slice(8, 12))),
    ],
)
def test_a_margin_ends_where_the_field_ends(reads: list, rows: slice, columns: slice, wide: tuple) -> None:
    made = tile(reads, rows, columns)
    around, where = made.around("height", 2)
    torch.testing.assert_close(around, FIELD[:, wide[0], wide[1]])
    torch.testing.assert_close(inner(around, where), made["height"])


def test_another_part_of_the_field_can_be_read(reads: list) -> None:
    made = tile(reads, slice(0, 2), slice(0, 2))
    torch.testing.assert_close(made.read("height", (slice(8, 9), slice(0, 12))), FIELD[:, 8:])
