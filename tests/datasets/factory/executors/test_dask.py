"""Units on Dask: the store is the same, whoever is killed, and what is wrong is told in one line."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from distributed import LocalCluster

from datasets.factory.build import build, resume
from datasets.factory.errors import BuildError
from datasets.factory.executors import dask
from datasets.factory.jobs import Job
from datasets.factory.simulation import stage_unit
from datasets.factory.staging import Staging
from datasets.factory.units import Units
from surrogates.core.errors import ConfigError
from tests.datasets.factory.conftest import content
from tests.datasets.factory.recipes import Deadly, Failing, Leaking, Slow, Walk
from tests.toy import Oscillator

CLUSTER = """
import time
from distributed import LocalCluster
if __name__ == "__main__":
    one = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "protocol": "tcp"}
    with LocalCluster(**one, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        time.sleep(600)
"""
DRIVER = """
import sys
from datasets.factory.build import build
from tests.datasets.factory.recipes import Slow
build(Slow(), sys.argv[1], executor={"name": "dask", "scheduler": sys.argv[2]}, progress=False)
"""
CHANCE = random.Random(0)
MOMENTS = [
    pytest.param(CHANCE.randrange(1, 10), CHANCE.uniform(0, 0.05), marks=[pytest.mark.slow] * (number > 0))
    for number in range(3)
]
"""Units that are begun, and seconds after them, when something is killed; a build has 12 units of 30 ms."""
at_random_moments = pytest.mark.parametrize(("units", "after"), MOMENTS)


def start(code: str, *words: str, log: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(Path.cwd()), "TOY_LOG": str(log)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], env=environment, stdout=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="module")
def cluster(files: Path) -> Iterator[LocalCluster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOY_LOG", str(files / "log"))
        patch.setenv("TOY_FUSE", str(files / "fuse"))
        with dask.local_cluster(2) as running:
            yield running


@pytest.fixture
def log(files: Path) -> Path:
    """Where workers note what they begin."""
    (files / "log").write_text("")
    return files / "log"


@pytest.fixture
def node(cluster: LocalCluster) -> dict[str, Any]:
    return {"name": "dask", "scheduler": cluster.scheduler_address}


def when(log: Path, units: int, after: float, act: Callable[[], object]) -> None:
    """Act when workers have begun some units, and a moment has passed."""
    while len(log.read_text().split()) < units:
        time.sleep(0.002)
    time.sleep(after)
    act()


def require_same(url: str, undisturbed: str) -> None:
    assert content(url) == content(undisturbed)
    assert not [*Path(url).glob("build/staging"), *Path(url).glob("build/locks")]


@at_random_moments
def test_a_store_is_the_same_when_a_worker_is_killed(
    cluster: LocalCluster, node, log: Path, undisturbed: str, tmp_path: Path, units: int, after: float
) -> None:
    url, victim = str(tmp_path / "toy.zarr"), next(iter(cluster.workers.values()))
    kill = Thread(
        target=when, args=(log, units, after, lambda: os.kill(victim.pid, signal.SIGKILL)), daemon=True
    )
    kill.start()
    build(Slow(), url, executor=node, progress=False)
    kill.join()
    require_same(url, undisturbed)


@at_random_moments
def test_a_build_whose_scheduler_is_killed_resumes(
    node, undisturbed: str, tmp_path: Path, units: int, after: float
) -> None:
    url, log = str(tmp_path / "toy.zarr"), tmp_path / "log"
    log.touch()
    with start(CLUSTER, log=log) as other:
        assert other.stdout is not None
        lonely = {"name": "dask", "scheduler": other.stdout.readline().strip()}
        Thread(target=when, args=(log, units, after, other.kill), daemon=True).start()
        try:
            with pytest.raises(BuildError, match=r"scheduler .* was lost.* `surrogates data resume"):
                build(Slow(), url, executor=lonely, progress=False)
        finally:
            other.kill()
    resume(url, recipe_class=Slow, executor=node, progress=False)
    require_same(url, undisturbed)


@pytest.mark.slow  # a process for the build; what such builds leave behind is tried with processes too
@at_random_moments
def test_a_build_that_is_killed_resumes(
    node, log: Path, undisturbed: str, tmp_path: Path, units: int, after: float
) -> None:
    url = str(tmp_path / "toy.zarr")
    with start(DRIVER, url, node["scheduler"], log=log) as driver:
        when(log, units, after, driver.kill)
    assert driver.returncode == -signal.SIGKILL
    resume(url, recipe_class=Slow, executor=node, progress=False)
    require_same(url, undisturbed)


def test_a_worker_that_is_silent_for_long_is_not_given_up(cluster: LocalCluster) -> None:
    assert cluster.scheduler.worker_ttl is None  # a solver may hold the interpreter for long


def test_a_unit_that_no_build_waits_for_any_more_is_not_staged(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    stage_unit(Oscillator(), Units(48, 4, 16), 3, staging, wanted=lambda: False)
    assert not list(tmp_path.iterdir())


def test_a_chained_recipe_runs_in_order(node, tmp_path: Path) -> None:
    here, there = str(tmp_path / "here.zarr"), str(tmp_path / "there.zarr")
    build(Walk(), here, workers=0, progress=False)
    build(Walk(), there, executor=node, progress=False)
    require_same(there, here)


def test_a_failed_unit_is_named_with_its_records(node, tmp_path: Path) -> None:
    with pytest.raises(
        BuildError, match=r"Unit 5 \(records 20 to 23\) .* RuntimeError: the solver diverged"
    ) as caught:
        build(Failing(), str(tmp_path / "toy.zarr"), executor=node, progress=False)
    assert "in simulate" in "".join(caught.value.__notes__)


def test_a_worker_with_other_versions_is_refused(node, tmp_path: Path, monkeypatch) -> None:
    newer = dask.versions(Oscillator()) | {"sciml-surrogates": "99.0"}
    monkeypatch.setattr(dask, "versions", lambda _: newer)
    with pytest.raises(
        BuildError, match=r"worker tcp://.* has sciml-surrogates .*, expected 99\.0 .* install the same"
    ):
        build(Oscillator(), str(tmp_path / "toy.zarr"), executor=node, progress=False)


def test_a_scheduler_that_does_not_answer_is_told_at_once(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(dask, "CONNECT", 0.3)
    lost = {"name": "dask", "scheduler": "tcp://127.0.0.1:9"}
    with pytest.raises(
        BuildError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9 .*`dask scheduler`"
    ):
        build(Oscillator(), str(tmp_path / "toy.zarr"), executor=lost, progress=False)


def test_what_no_worker_reaches_is_refused() -> None:
    with pytest.raises(BuildError, match=r"memory of this process.* leave `executor=` out"):
        build(Oscillator(), "memory://factory/dask.zarr", executor="dask", progress=False)


def test_a_scheduler_has_its_own_workers() -> None:
    with pytest.raises(ConfigError, match="leave workers=2 out"):
        build(Oscillator(), "x", executor={"name": "dask", "scheduler": "tcp://host:1"}, workers=2)


@pytest.mark.slow  # a cluster of its own
def test_a_cluster_of_this_machine_is_started_and_ended(undisturbed: str, tmp_path: Path) -> None:
    url = str(tmp_path / "toy.zarr")
    build(Oscillator(), url, executor="dask", workers=2, progress=False)
    require_same(url, undisturbed)


@pytest.mark.slow  # workers start anew
def test_workers_are_replaced_after_the_units_that_the_recipe_allows(
    node, log: Path, undisturbed: str, tmp_path: Path
) -> None:
    url = str(tmp_path / "toy.zarr")
    build(Leaking(), url, executor=node, progress=False)
    require_same(url, undisturbed)
    assert max(Counter(log.read_text().split()).values()) <= 2


@pytest.mark.slow  # four workers start anew
def test_workers_that_die_again_and_again_end_the_build(node, files: Path, tmp_path: Path) -> None:
    (files / "fuse").write_text("xxxxxxxxx")
    with pytest.raises(BuildError, match=r"died again and again at units \[1.* `surrogates data resume"):
        build(Deadly(), str(tmp_path / "toy.zarr"), executor=node, progress=False)


def test_a_worker_that_comes_and_goes_between_two_looks_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = SimpleNamespace(nthreads=dict, scheduler=None)  # nobody, whenever one looks
    recipe, now = Oscillator(), [0.0]
    job = Job(Oscillator, recipe.model_dump(), Units(48, 4, 16), Staging(str(tmp_path / "toy.zarr")))
    monkeypatch.setattr(dask, "monotonic", lambda: now[0])
    workers = dask._Workers(client)
    now[0] = 50
    workers.worked()
    now[0] = 100
    assert workers.found(job) == []
    now[0] = 111
    with pytest.raises(BuildError, match=r"has had no workers for 60 s.* `surrogates data resume"):
        workers.found(job)
