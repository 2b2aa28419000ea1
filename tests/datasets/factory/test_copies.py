"""Merged and copied stores hold the records of others, and say whose."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.advice import how_to_resume
from datasets.factory.build import build, resume
from datasets.factory.compare import compare
from datasets.factory.copies import Copy
from datasets.factory.errors import BuildError
from datasets.factory.merge import merge
from datasets.factory.recipe import COPY
from datasets.factory.subset import subset
from datasets.factory.verify import verify
from datasets.store.errors import ContractError
from datasets.store.layout import open_store
from datasets.store.specs import Split, VariableSpec
from tests.datasets.factory.conftest import content
from tests.toy import Oscillator

QUIET = {"workers": 0, "progress": False}


class Rooms(Oscillator):
    """Oscillators in rooms, which a table describes; the rooms of one seed are not those of another."""

    split: str = "none"

    def specs(self):
        room = VariableSpec(
            name="room",
            dims=("sample",),
            shape=(),
            dtype="int32",
            long_name="room",
            attributes={"instance_dimension": "rooms"},
        )
        return [*super().specs(), room]

    def shared(self):
        sides = 3.0 + self.seed + np.arange(self.samples // 4)
        return super().shared().assign(side=("rooms", sides, {"units": "m", "long_name": "side"}))

    def splits(self):
        return [Split(labels=np.arange(self.samples) % 3, keeps_whole=self.split, description="turns")]

    def simulate(self, indices, rngs):
        return super().simulate(indices, rngs) | {"room": indices // 4}


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("two")
    urls = [str(folder / name) for name in ("a.zarr", "b.zarr")]
    for seed, url in enumerate(urls):
        build(Rooms(samples=16 + 8 * seed, seed=seed), url, **QUIET)
    return urls


def test_merged_records_follow_each_other_and_their_tables_too(two: list[str], tmp_path: Path) -> None:
    url = str(tmp_path / "both.zarr")
    store = merge(two, url, progress=False)
    both, (one, other) = xr.open_zarr(url), map(xr.open_zarr, two)
    for name in ("stiffness", "displacement", "split"):
        np.testing.assert_array_equal(both[name], np.concatenate([one[name], other[name]]))
    assert both[name].attrs["units"] == one[name].attrs["units"]
    sides = both["side"].values[both["room"].values]
    expected = [ds["side"].values[ds["room"].values] for ds in (one, other)]
    np.testing.assert_array_equal(sides, np.concatenate(expected))
    assert verify(url, progress=False).ok
    assert "a.zarr: " in both.attrs["history"] and "b.zarr: " in both.attrs["history"]
    assert str(tmp_path.parent) not in str(both.attrs)
    origin = [part for row in range(store.rows) for part in store.receipt(row)["origin"]]
    assert [(each["store"], each["first_record"], each["last_record"]) for each in origin] == [
        ("a.zarr", 0, 15),
        ("b.zarr", 0, 23),
    ]


class Described(Rooms):
    """Rooms whose store says more of itself."""

    said: dict[str, str]

    def attributes(self):
        return super().attributes() | self.said


def test_attributes_that_differ_are_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    urls, url = [str(tmp_path / name) for name in ("c.zarr", "d.zarr")], str(tmp_path / "both.zarr")
    for number, more in enumerate([{"site": "north"}, {"site": "south", "loop": "closed"}]):
        build(Described(samples=8, seed=number, said={"maker": "us", **more}), urls[number], **QUIET)
    merge(urls, url, bar=False)
    line = f"{url}: attributes left out, since the stores differ in them (2): loop, site; the history has"
    assert capsys.readouterr().err.count(line) == 1
    found = xr.open_zarr(url).attrs
    assert found["maker"] == "us" and not {"site", "loop"} & found.keys()
    for said in ("attribute 'site' left out: north, south", "attribute 'loop' left out: absent, closed"):
        assert found["history"].splitlines().count(said) == 1


class Same(Rooms):
    """All seeds have the rooms of the first."""

    def shared(self):
        return Rooms(samples=16).shared()


def test_a_table_of_both_stores_stays_one(two: list[str], tmp_path: Path) -> None:
    build(Same(samples=16, seed=5), str(tmp_path / "same.zarr"), **QUIET)
    ds = merge([two[0], str(tmp_path / "same.zarr")], str(tmp_path / "both.zarr"), progress=False).dataset()
    assert ds.sizes["rooms"] == 4
    np.testing.assert_array_equal(ds["room"], np.tile(np.arange(16) // 4, 2))


def test_a_merge_that_was_stopped_is_resumed_by_the_same_call(
    two: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, whole = str(tmp_path / "both.zarr"), str(tmp_path / "whole.zarr")
    monkeypatch.setattr(Copy, "unit_records", lambda _: 10)
    merge(two, whole, progress=False)
    real = Copy.simulate
    monkeypatch.setattr(
        Copy, "simulate", lambda self, indices, rngs: real(self, indices, rngs) if indices[0] < 20 else 1 / 0
    )
    with pytest.raises(BuildError, match=r"Unit 2 .* once that is mended, run the same command again"):
        merge(two, url, progress=False)
    with pytest.raises(BuildError, match=r"is a copy of records of a.zarr, b.zarr, which no recipe makes"):
        resume(url, progress=False)
    monkeypatch.setattr(Copy, "simulate", real)
    merge(two, url, progress=False)
    assert content(url) == content(whole)
    with pytest.raises(BuildError, match="have units simulated again in these stores"):
        verify(url, resimulate=1, progress=False)
    assert how_to_resume(url, COPY) == "run the same command again"


class Kilo(Rooms):
    def specs(self):
        return [
            spec.model_copy(update={"units": "km"}) if spec.name == "displacement" else spec
            for spec in super().specs()
        ]


class Longer(Rooms):
    def shared(self):
        ds = super().shared()
        return ds.assign_coords(time=("time", 2 * ds["time"].values, ds["time"].attrs))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Kilo(samples=8, seed=2), "differ in units of 'displacement': m, km; expected the same"),
        (Longer(samples=8, seed=2), r"differ in shared 'time': \(time 32\) from 0 to 4 s, .* from 0 to 8 s"),
        (Oscillator(samples=8, seed=2), "differ in the variables: .*'room'"),
        (Rooms(samples=8, seed=2, split="batch"), "differ in split 'split': none, batch"),
        (Rooms(samples=16, seed=0, steps=16), "differ in shape of 'displacement': .32,., .16,."),
        (
            Described(samples=8, seed=2, said={"map_crs": "a"}),
            "differ in attribute 'map_crs': absent, a; exp",
        ),
        (
            Described(samples=8, seed=2, said={"Conventions": "CF-1.6"}),
            "attribute 'Conventions': CF-1.11, CF",
        ),
        (Rooms(samples=16, seed=0), "have 1 equal shard rows; merge stores of different records"),
        (
            Rooms(samples=4, seed=0, batch=4),
            "have 4 equal records, such as record 0 of the first and 0 of the second",
        ),
    ],
)
def test_stores_that_differ_or_repeat_records_are_not_merged(
    other: Oscillator, said: str, two: list[str], tmp_path: Path
) -> None:
    build(other, str(tmp_path / "other.zarr"), **QUIET)
    with pytest.raises(BuildError, match=said):
        merge([two[0], str(tmp_path / "other.zarr")], str(tmp_path / "both.zarr"), progress=False)
    assert not (tmp_path / "both.zarr").exists()


class Turned(Oscillator):
    def splits(self):
        return [super().splits()[0].model_copy(update={"labels": super().splits()[0].labels[::-1]})]


def test_a_group_of_both_stores_stays_whole(tmp_path: Path) -> None:
    urls = [str(tmp_path / name) for name in ("a.zarr", "b.zarr")]
    build(Oscillator(samples=8, batch=1), urls[0], **QUIET)
    build(Turned(samples=8, batch=1, seed=1), urls[1], **QUIET)
    with pytest.raises(BuildError, match=r"each family whole, but family 0 is in .*; keep them apart"):
        merge(urls, str(tmp_path / "both.zarr"), progress=False)


def test_a_subset_fulfils_all_conditions(two: list[str], tmp_path: Path) -> None:
    url = str(tmp_path / "some.zarr")
    subset(
        url=two[1],
        out=url,
        subset="train",
        records=(4, 20),
        variables=["room"],
        select={"room": 2},
        progress=False,
    )
    found, ds = xr.open_zarr(url), xr.open_zarr(two[1])
    chosen = (ds.split == 0) & (ds.room == 2) & (np.arange(24) >= 4) & (np.arange(24) < 20)
    assert found.sizes["sample"] == int(chosen.sum()) > 0
    assert "displacement" not in found
    np.testing.assert_array_equal(found["room"], ds["room"].values[chosen.values])
    np.testing.assert_array_equal(found["side"], ds["side"])
    assert verify(url, progress=False).ok


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"variables": ["displacment"]}, "no record variable 'displacment'. Did you mean 'displacement'"),
        ({"select": {"room": 99}}, "no sample of .* has room 99. It has 0, 1, 2"),
        ({"records": (24, None)}, "no record of .* is chosen"),
        ({"split": "by_room", "subset": "train"}, "has no split 'by_room'"),
        ({"subset": "trian"}, "there is no subset 'trian'. Did you mean 'train'"),
    ],
)
def test_a_subset_of_nothing_is_refused(keys: dict, said: str, two: list[str], tmp_path: Path) -> None:
    with pytest.raises((BuildError, ContractError), match=said):
        subset(two[1], str(tmp_path / "some.zarr"), **keys, progress=False)
    assert not (tmp_path / "some.zarr").exists()


def test_a_value_is_found_as_it_is_shown(two: list[str], tmp_path: Path) -> None:
    shown = str(open_store(two[0]).dataset().stiffness.values[3])  # of float32
    few = subset(two[0], str(tmp_path / "few.zarr"), select={"stiffness": float(shown)}, progress=False)
    assert few.records == 1 and str(few.dataset().stiffness.values[0]) == shown


def test_a_store_is_the_same_as_itself_and_another_number_of_records_is_named(
    two: list[str], tmp_path: Path
) -> None:
    assert compare(two[0], two[0], records=None, progress=False).answer == "same"
    subset(two[0], str(tmp_path / "few.zarr"), records=(0, 12), progress=False)
    found = compare(two[0], str(tmp_path / "few.zarr"), progress=False)
    assert found.answer == "different" and found.read == 12
    assert {each.kind for each in found.differences} == {"attributes", "recipe", "records"}
    assert {each.largest for each in found.variables} == {0.0}


def test_other_values_are_named_with_their_size_and_record(two: list[str], tmp_path: Path) -> None:
    url = str(tmp_path / "other.zarr")
    real = Rooms.simulate

    class Shifted(Rooms):
        def simulate(self, indices, rngs):
            arrays = real(self, indices, rngs)
            arrays["stiffness"] = arrays["stiffness"] + np.where(indices == 5, 0.5, 0.0)
            return arrays

    build(Shifted(samples=16), url, **QUIET)
    found = compare(two[0], url, records=None, progress=False)
    assert found.answer == "different"
    (values,) = [each for each in found.differences if each.kind == "values"]
    assert values.message.startswith(
        "'stiffness' differs in 1 cells of 16 records, by up to 0.5 N m-1 (record 5)"
    )
    assert "mean of 'stiffness' over 16 records" in str(found.differences)


def test_large_whole_numbers_that_differ_by_one_are_different(two: list[str], tmp_path: Path) -> None:
    class Numbered(Rooms):
        first: int = 1 << 60

        def specs(self):
            number = VariableSpec(
                name="number", dims=("sample",), shape=(), dtype="int64", units="1", long_name="number"
            )
            return [number]

        def simulate(self, indices, rngs):
            return {"number": self.first + indices}

    urls = [str(tmp_path / f"{shift}.zarr") for shift in range(2)]
    for shift, url in enumerate(urls):
        build(Numbered(samples=16, first=(1 << 60) + shift), url, **QUIET)
    (values,) = compare(*urls, progress=False).variables
    assert (values.largest, values.cells) == (1.0, 16)


def test_without_a_variable_in_common_stores_are_not_comparable(two: list[str], tmp_path: Path) -> None:
    class Other(Oscillator):
        def specs(self):
            return [VariableSpec(name="height", dims=("sample",), shape=(), units="m", long_name="height")]

        def splits(self):
            return []

        def simulate(self, indices, rngs):
            return {"height": np.ones(len(indices))}

    build(Other(samples=4), str(tmp_path / "other.zarr"), **QUIET)
    assert compare(two[0], str(tmp_path / "other.zarr"), progress=False).answer == "not comparable"
