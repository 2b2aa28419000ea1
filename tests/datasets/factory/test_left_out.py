"""Counts of what an importer leaves out: said, stored, and refused beyond a share."""

import numpy as np
import pytest

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.info import info
from datasets.factory.left_out import LeftOut, MostLeftOut
from datasets.factory.recipe import Recipe
from datasets.store.specs import VariableSpec


class Readings(Recipe):
    name, title = "mine/readings", "Readings"
    most_left_out: MostLeftOut = 0.05

    def records(self):
        return 4

    def specs(self):
        return [VariableSpec(name="reading", dims=("sample",), shape=(), units="m")]

    def left_out(self):
        return [
            LeftOut("readings", 100, {"without a number": 8}, {"of another device": 20}, self.most_left_out)
        ]

    def simulate(self, indices, rngs):
        return {"reading": np.ones(len(indices))}


def test_what_is_left_out_beyond_the_share_is_refused_before_a_store_is_there(tmp_path):
    with pytest.raises(
        BuildError, match=r"8 of 80 readings \(10.0%\) .* 8 without a number.*most_left_out=0.1"
    ):
        build(Readings(), str(tmp_path / "r.zarr"), workers=0, progress=False)
    assert not (tmp_path / "r.zarr" / "zarr.json").exists()


def test_what_is_left_out_is_stored_by_cause(tmp_path):
    build(Readings(most_left_out=0.1), str(tmp_path / "r.zarr"), workers=0, progress=False)
    assert info(str(tmp_path / "r.zarr")).left_out == {
        "readings": {"total": 100, "without a number": 8, "of another device": 20}
    }


def test_the_share_that_the_message_names_is_enough():
    for left in (1, 33, 71, 99):
        with pytest.raises(BuildError) as caught:
            LeftOut("traces", 100, {"dead": left}, most=0.0).require_few()
        share = float(str(caught.value).rpartition("=")[2].strip("`"))
        LeftOut("traces", 100, {"dead": left}, most=share).require_few()


def test_nothing_left_out_says_nothing():
    assert LeftOut("traces", 10, {"dead": 0}).remark() == ""
    assert (
        LeftOut("traces", 10, {"dead": 1}, {"asked": 2}).remark()
        == "3 of 10 traces left out: 1 dead, 2 asked"
    )
