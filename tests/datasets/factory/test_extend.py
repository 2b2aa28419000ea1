"""A store grows by the records that a longer build would have had, and loses none on the way."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build, is_final, resume
from datasets.factory.errors import BuildError
from datasets.factory.extend import extend
from datasets.factory.files import Files
from datasets.factory.lock import RowsLock
from datasets.factory.verify import verify
from datasets.store.layout import open_store
from tests.datasets.factory.conftest import content
from tests.datasets.factory.recipes import Failing, Slow, Walk
from tests.toy import Oscillator

QUIET = {"workers": 0, "progress": False}
TOY = {**QUIET, "recipe_class": Oscillator}


def made(url: Path, records: int, recipe: type[Oscillator] = Oscillator, **keys: int) -> str:
    build(recipe(samples=records, **keys), str(url), **QUIET)
    return str(url)


def values(url: str) -> dict[str, object]:
    """Return the content of a store without the configurations that its receipts name."""
    found = content(url)
    for each in found.values():
        if isinstance(each, dict):
            each.pop("recipe_config_sha256")
    return found


@pytest.mark.parametrize("first", [16, 22])
def test_an_extended_store_is_that_of_a_longer_build(first: int, tmp_path: Path) -> None:
    url = made(tmp_path / "toy.zarr", first)
    store = extend(url, 2 * first, **TOY)
    assert is_final(store)
    whole = made(tmp_path / "whole.zarr", 2 * first)
    assert values(url) == values(whole)
    assert store.fingerprint == open_store(whole).fingerprint
    assert store.attributes["recipe_config"] == open_store(whole).attributes["recipe_config"]
    assert f"{first} to {2 * first} records" in store.text("history")
    report = verify(url, resimulate=3, recipe_class=Oscillator, progress=False)
    assert report.ok and report.certified
    assert xr.open_zarr(url).sizes["sample"] == 2 * first


def test_records_that_are_there_are_simulated_once_more_in_the_last_unit_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, log = made(tmp_path / "toy.zarr", 22), tmp_path / "log"
    monkeypatch.setenv("TOY_LOG", str(log))
    extend(url, 33, **QUIET, recipe_class=Slow)
    assert [int(first) for first in log.read_text().split()] == [20, 24, 28, 32]


def test_the_same_command_again_changes_nothing(tmp_path: Path) -> None:
    url = made(tmp_path / "toy.zarr", 16)
    extend(url, 24, **TOY)
    before = {path: path.stat().st_mtime_ns for path in Path(url).rglob("*") if path.is_file()}
    assert extend(url, 24, **TOY).records == 24
    assert {path: path.stat().st_mtime_ns for path in Path(url).rglob("*") if path.is_file()} == before


def test_who_has_the_store_open_keeps_its_records(tmp_path: Path) -> None:
    url = made(tmp_path / "toy.zarr", 22)
    store, lazily = open_store(url), xr.open_zarr(url)
    reader = store.reader(list(store.specs))
    before = reader.read(range(0, 22, 3))  # the index of each shard is known from now on
    extend(url, 44, **TOY)
    after = reader.read(np.arange(22))
    expected = open_store(url).reader(list(store.specs)).read(range(22))
    for name, values in expected.items():
        np.testing.assert_array_equal(after[name], values)
        np.testing.assert_array_equal(before[name], values[::3])
    assert store.records == lazily.sizes["sample"] == 22
    np.testing.assert_array_equal(lazily["displacement"].values, expected["displacement"])


def test_until_it_is_finished_it_is_an_unfinished_build(tmp_path: Path) -> None:
    url = made(tmp_path / "toy.zarr", 18)
    with pytest.raises(BuildError, match="Unit 5"):
        extend(url, 36, **QUIET, recipe_class=Failing)
    store = open_store(url)
    assert (store.records, store.complete_rows()) == (36, [0])
    with pytest.raises(BuildError, match="to 36 records has not ended; `surrogates data resume` it first"):
        extend(url, 40, **TOY)
    resume(url, **TOY)
    assert values(url) == values(made(tmp_path / "whole.zarr", 36))


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    url = made(tmp_path / "toy.zarr", 16)
    before = content(url)
    with RowsLock(Files(url), range(2)), pytest.raises(BuildError, match="is building"):
        extend(url, 32, **TOY)
    assert content(url) == before
    assert extend(url, 32, **TOY).records == 32


class Counted(Oscillator):
    """Records whose stiffness depends on how many there are."""

    def simulate(self, indices, rngs):
        return super().simulate(indices, rngs) | {"stiffness": 4 + indices / self.samples}


class Drawn(Oscillator):
    """A split that depends on the number of records."""

    whole: str = "none"

    def splits(self):
        labels = np.arange(self.samples)[::-1] % 3
        return [super().splits()[0].model_copy(update={"labels": labels, "keeps_whole": self.whole})]


class Fixed(Oscillator):
    """No parameter counts its records."""

    def records(self):
        return 12


class Later(Oscillator):
    def software(self):
        return {"numpy": "99"}


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store of twelve records that nobody may change."""
    return made(tmp_path_factory.mktemp("twelve") / "toy.zarr", 12)


@pytest.mark.parametrize(
    ("recipe", "again", "records", "said"),
    [
        (
            Counted,
            Counted,
            24,
            "among 24 records those that are there would be others .*'stiffness', record 8",
        ),
        (Fixed, Fixed, 24, "has no parameters that are its number of records"),
        (Oscillator, Later, 24, "the software of .* was another .numpy .* then, 99 now.; build the further"),
        (Oscillator, Oscillator, 8, "has 12 already, and records= is their number after"),
        (Oscillator, Oscillator, None, "expected how many records .* shall have; it has 12 now"),
        (Walk, Walk, 40, "is chained, and the state behind its last record is not kept"),
    ],
)
def test_what_cannot_grow_is_refused_before_anything_is_written(
    recipe: type, again: type, records: int, said: str, twelve: str, tmp_path: Path
) -> None:
    url = twelve if recipe is Oscillator else str(tmp_path / "toy.zarr")
    if recipe is not Oscillator:
        build(recipe() if recipe is Walk else recipe(samples=12), url, **QUIET)
    before = content(url)
    with pytest.raises(BuildError, match=said):
        extend(url, records, **QUIET, recipe_class=again)
    assert content(url) == before
    assert verify(url, progress=False).ok


def test_records_keep_the_label_of_a_split_that_depends_on_their_number(tmp_path: Path) -> None:
    url = made(tmp_path / "toy.zarr", 16, Drawn)
    before = open_store(url).split()
    with pytest.warns(
        UserWarning, match="rule of split 'split' .* the 16 records that are there keep their la"
    ):
        store = extend(url, 24, **QUIET, recipe_class=Drawn)
    np.testing.assert_array_equal(store.split(), [*before, *(np.arange(24)[::-1] % 3)[16:]])
    assert verify(url, progress=False).ok


def test_a_split_that_keeps_groups_whole_may_not_depend_on_the_number(tmp_path: Path) -> None:
    url = str(tmp_path / "toy.zarr")
    build(Drawn(samples=16, whole="family", batch=1), url, **QUIET)
    with pytest.raises(BuildError, match="keeps each family whole, so the store cannot grow"):
        extend(url, 24, **QUIET, recipe_class=Drawn)
