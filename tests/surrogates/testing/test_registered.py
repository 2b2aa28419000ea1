"""Pieces that are not documented are found."""

from collections.abc import Callable

import pytest

from surrogates import testing


def undocumented(width: int = 1) -> None:
    """Say what it is for, but not what width is."""


def untyped(width=1) -> None:  # type: ignore[no-untyped-def]
    """Say what it is for.

    Parameters
    ----------
    width
        Of something.
    """


def open_ended(**more: int) -> None:
    """Take everything."""


def silent(width: int = 1) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (undocumented, "the parameter 'width' is not described"),
        (untyped, "the parameter 'width' has no type"),
        (open_ended, r"it takes \*more"),
        (silent, "no docstring"),
    ],
)
def test_a_piece_that_is_not_documented_is_found(function: Callable[..., None], message: str) -> None:
    with pytest.raises(AssertionError, match=f"^{function.__name__}: {message}"):
        testing.check_documented(function)
