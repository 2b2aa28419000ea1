"""What a build advises when it stops works as it stands."""

import errno

import pytest

from datasets.factory.advice import full_disk, how_to_resume
from datasets.factory.find import find_recipe
from tests.toy import Oscillator

OWN = "--recipe tests.toy:Oscillator"


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Oscillator, f"run `surrogates data resume 'a b.zarr' {OWN} workers=2`"),
        (Oscillator.name, "run `surrogates data resume 'a b.zarr' --recipe MODULE:CLASS workers=2`"),
        ("uav/px4_like", "run `surrogates data resume 'a b.zarr' workers=2`"),
        (find_recipe("uav/px4_like"), "run `surrogates data resume 'a b.zarr' workers=2`"),
        (find_recipe("uav/csv"), "run the same command again with workers=2"),
        ("generic", "run the same command again with workers=2"),
        (type("Cell", (Oscillator,), {"__module__": "__main__"}), "call build() again with workers=2"),
    ],
)
def test_a_build_is_resumed_by_what_is_known_of_its_recipe(recipe: object, expected: str) -> None:
    assert how_to_resume("a b.zarr", recipe, workers=2) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            errno.ENOSPC,
            "No space is left on the device of x.zarr. Finished units are kept: free some space, then",
        ),
        (errno.EDQUOT, "The quota is used up on the device of x.zarr."),
        (errno.EFBIG, "kept: raise the limit, then"),
    ],
)
def test_each_kind_of_full_disk_is_named(number: int, said: str) -> None:
    message = str(full_disk("x.zarr", Oscillator, number))
    assert said in message
    assert message.endswith(f", then run `surrogates data resume x.zarr {OWN}`.")
