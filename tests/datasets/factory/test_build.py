"""Builds equal each other, whatever happens to them."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build, finalise, is_final, resume
from datasets.factory.errors import BuildError
from datasets.factory.files import Files
from datasets.store.layout import Store, open_store
from tests.datasets.factory.conftest import content
from tests.datasets.factory.recipes import Failing, Sloppy, Slow, Walk
from tests.toy import DURATION, Oscillator, displacement

RUN = """
import sys
from datasets.factory.build import build
from tests.datasets.factory.recipes import Slow
if __name__ == "__main__":
    chosen = tuple(map(int, sys.argv[3].split("/"))) if len(sys.argv) > 3 else None
    build(Slow(), sys.argv[1], workers=int(sys.argv[2]), slice=chosen, progress=False)
"""


def start(*words: object, log: Path | None = None) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(Path.cwd()), "TOY_LOG": str(log or "")}
    return subprocess.Popen([sys.executable, "-c", RUN, *map(str, words)], env=environment)


def test_store_holds_the_analytic_solution_with_its_meaning(undisturbed: str) -> None:
    ds = xr.open_zarr(undisturbed)
    expected = displacement(ds.stiffness.values, ds.damping.values, np.linspace(0, DURATION, 32))
    np.testing.assert_allclose(ds.displacement, expected, atol=1e-5)
    assert ds.displacement.dims == ("sample", "time")
    assert ds.displacement.attrs["units"] == "m"
    assert ds.attrs["recipe"] == "toy/oscillator"
    assert "surrogates data build toy/oscillator" in ds.attrs["history"]


def test_statistics_equal_those_of_numpy(undisturbed: str) -> None:
    store, ds = open_store(undisturbed), xr.open_zarr(undisturbed)
    train = np.flatnonzero(store.split() == 0)
    moments = store.statistics("displacement", train)
    values = ds.displacement.values[train].astype(float)
    assert moments.count == values.size
    np.testing.assert_allclose([moments.mean, moments.std], [values.mean(), values.std()], rtol=1e-12)
    assert (moments.minimum, moments.maximum) == (values.min(), values.max())


def test_parts_that_start_at_once_equal_one_build(undisturbed: str, tmp_path: Path) -> None:
    url = str(tmp_path / "toy.zarr")
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda i: start(url, 0, f"{i}/2").wait(), (1, 2)))
    assert codes == [0, 0]
    assert not is_final(open_store(url))
    finalise(url)
    assert is_final(open_store(url))
    assert content(url) == content(undisturbed)
    assert not (Path(url) / "build" / "staging").exists()


def test_of_two_processes_that_finalise_at_once_one_seals_the_store(
    undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = str(tmp_path / "toy.zarr")
    for number in (1, 2):
        build(Oscillator(), url, workers=0, slice=(number, 2), progress=False)
    consolidate, sealed = Store.consolidate, []

    def slowly(self: Store) -> Store:
        sealed.append(self.url)
        time.sleep(0.3)
        return consolidate(self)

    monkeypatch.setattr(Store, "consolidate", slowly)
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(finalise, [url, url]))
    assert all(map(is_final, both)) and sealed == [url]
    assert both[0].text("history").count("surrogates data build") == 1
    assert content(url) == content(undisturbed)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.zarr"]


def test_finalise_names_the_rows_that_are_missing(tmp_path: Path) -> None:
    url = str(tmp_path / "toy.zarr")
    build(Oscillator(), url, workers=0, slice=(2, 3), progress=False)
    with pytest.raises(BuildError, match=r"2 of 3 shard rows are missing \(0, 2\)"):
        finalise(url)


@pytest.mark.parametrize("chosen", [(0, 3), (4, 3)])
def test_a_slice_that_does_not_exist_is_refused(chosen: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="must lie between 1 and 3"):
        build(Oscillator(), str(tmp_path / "toy.zarr"), workers=0, slice=chosen, progress=False)


def test_build_killed_three_times_resumes_bit_identical(
    undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, log = tmp_path / "toy.zarr", tmp_path / "log"
    chance = random.Random()
    for workers, units in ((0, 2), (2, 6), (0, 9)):
        process = start(url, workers, log=log)
        while not log.exists() or len(log.read_text().split()) < units:
            assert process.poll() is None
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not is_final(open_store(str(url)))
    monkeypatch.setenv("TOY_LOG", str(log))
    store = resume(str(url), workers=0, recipe_class=Slow, progress=False)
    assert is_final(store)
    assert content(str(url)) == content(undisturbed)
    under_way = 1 + 2 + 1
    assert len(log.read_text().split()) <= 12 + under_way


def test_resume_simulates_no_finished_unit_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, log = str(tmp_path / "toy.zarr"), tmp_path / "log"
    with pytest.raises(BuildError, match="solver diverged"):
        build(Failing(), url, workers=0, progress=False)
    monkeypatch.setenv("TOY_LOG", str(log))
    resume(url, workers=0, recipe_class=Slow, progress=False)
    assert [int(first) for first in log.read_text().split()] == [20, 24, 28, 32, 36, 40, 44]


def test_a_failed_unit_is_named_with_its_records(tmp_path: Path) -> None:
    url = str(tmp_path / "toy.zarr")
    with pytest.raises(BuildError) as caught:
        build(Failing(), url, workers=1, progress=False)
    assert "Unit 5 (records 20 to 23)" in str(caught.value)
    assert f"surrogates data resume {url}" in str(caught.value)
    assert "RuntimeError" in "".join(caught.value.__notes__)
    assert open_store(url).complete_rows() == [0]


def test_what_failed_has_to_be_mended_before_a_build_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise BuildError("model1.npy: 0.3 m/s found; is the file scaled?")

    monkeypatch.setattr(Slow, "simulate", refuse)
    with pytest.raises(BuildError) as caught:
        build(Slow(), str(tmp_path / "toy.zarr"), workers=0, progress=False)
    assert "is the file scaled? Finished units are kept; once that is mended, run `" in str(caught.value)


@pytest.mark.parametrize("where", ["staging", "row", "receipt"])
def test_a_full_disk_is_one_line_and_resumes(
    where: str, undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = str(tmp_path / "toy.zarr")
    cls, name = {
        "staging": (Files, "write"),
        "row": (Store, "write_row"),
        "receipt": (Store, "write_receipt"),
    }[where]
    real, calls = getattr(cls, name), 0

    def full(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(cls, name, full)
        with pytest.raises(BuildError, match=r"No space is left on the device of .* `surrogates data resume"):
            build(Oscillator(), url, workers=0, progress=False)
    resume(url, workers=0, recipe_class=Oscillator, progress=False)
    assert content(url) == content(undisturbed)


def test_peak_memory_does_not_grow_with_the_number_of_samples(undisturbed: str, tmp_path: Path) -> None:
    def peak(samples: int) -> int:
        tracemalloc.start()
        recipe = Oscillator(samples=samples, steps=4096, batch=8, shard=16)
        build(recipe, str(tmp_path / f"{samples}.zarr"), workers=0, progress=False)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    # Rows that the writer holds while others are simulated differ by chance; kept records would make it 4.
    assert peak(384) < 2 * peak(96)


def test_a_complete_store_is_left_alone(copied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(copied)
    monkeypatch.setattr(Oscillator, "simulate", None)
    assert is_final(build(Oscillator(), copied, workers=0, progress=False))
    assert content(copied) == before


def test_a_store_of_other_parameters_is_refused_with_the_difference(undisturbed: str) -> None:
    with pytest.raises(BuildError, match="samples=48 instead of 40"):
        build(Oscillator(samples=40), undisturbed, workers=0, progress=False)
    with pytest.raises(BuildError, match="recipe 'toy/oscillator' instead of 'toy/walk'"):
        build(Walk(), undisturbed, workers=0, progress=False)


def test_a_store_from_before_a_parameter_is_resumed_as_it_was(tmp_path: Path) -> None:
    url = str(tmp_path / "toy.zarr")
    build(Oscillator(), url, workers=0, progress=False, slice=(1, 2))
    older = open_store(url).attributes["recipe_config"]

    class Newer(Oscillator):
        colour: str | None = None

    build(Newer(), url, workers=0, progress=False)
    store = open_store(url)
    assert store.attributes["recipe_config"] == older
    assert len({store.receipt(row)["recipe_config_sha256"] for row in store.complete_rows()}) == 1


def test_a_folder_that_is_no_store_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(BuildError, match=r"holds thesis\.tex"):
        build(Oscillator(), str(tmp_path), workers=0, progress=False)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_a_store_in_memory_equals_one_on_disk(undisturbed: str) -> None:
    store = build(Oscillator(), "memory://factory/toy.zarr", workers=1, progress=False)
    xr.testing.assert_identical(
        store.dataset().load().drop_attrs(deep=False), xr.open_zarr(undisturbed).load().drop_attrs(deep=False)
    )


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("missing", "did not return damping"),
        ("extra", "returned 'dampin', which specs.. does not declare. Did you mean 'damping'"),
        ("shape", r"'displacement' of shape \(4, 3\), expected \(4, 32\)"),
        ("nan", "'stiffness': NaN at record 1"),
        ("range", "'displacement': 7 above the limit 1 m at record 2"),
    ],
)
def test_simulated_arrays_must_be_what_the_recipe_declares(fault: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=message):
        build(Sloppy(fault=fault), str(tmp_path / "toy.zarr"), workers=0, progress=False)


def test_a_chained_recipe_goes_on_from_its_restart_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = str(tmp_path / "whole.zarr"), str(tmp_path / "stopped.zarr")
    build(Walk(), whole, workers=0, progress=False)
    for record in ("4", "6", "16"):  # in a row, at the end of a row, in the last row
        monkeypatch.setenv("TOY_STOP", record)
        with pytest.raises(BuildError, match="stopped"):
            build(Walk(), stopped, workers=0, progress=False)
    monkeypatch.delenv("TOY_STOP")
    build(Walk(), stopped, workers=0, progress=False)
    assert content(stopped) == content(whole)
    steps = np.diff(xr.open_zarr(whole).position.values)
    assert np.abs(steps).max() < 5


def test_a_chained_recipe_has_no_slices(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="chained"):
        build(Walk(), str(tmp_path / "walk.zarr"), slice=(1, 2), progress=False)
