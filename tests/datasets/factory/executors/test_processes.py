"""Workers may die, or never start."""

import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.executors import processes
from datasets.store.layout import open_store
from tests.datasets.factory.conftest import content
from tests.datasets.factory.recipes import Deadly, Mortal, Sleeping
from tests.toy import Oscillator


def test_data_do_not_depend_on_deaths_of_workers_and_their_replacement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, fuse, log = str(tmp_path / "toy.zarr"), tmp_path / "fuse", tmp_path / "log"
    fuse.write_text("x")
    monkeypatch.setenv("TOY_FUSE", str(fuse))
    monkeypatch.setenv("TOY_LOG", str(log))
    build(Mortal(samples=16), url, workers=1, progress=False)
    assert sorted(Counter(log.read_text().split()).values()) == [1, 2, 2]  # one of them is done twice
    build(Mortal(samples=16), str(tmp_path / "here.zarr"), workers=0, progress=False)
    assert content(url) == content(str(tmp_path / "here.zarr"))


def test_workers_that_die_again_and_again_end_the_build_with_the_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, fuse = str(tmp_path / "toy.zarr"), tmp_path / "fuse"
    fuse.write_text("xxxxxxxxx")
    monkeypatch.setenv("TOY_FUSE", str(fuse))
    monkeypatch.setattr(processes, "DEATHS", 2)
    with pytest.raises(
        BuildError, match=rf"died 2 times in a row at units \[1.*surrogates data resume {url}"
    ):
        build(Deadly(), url, workers=1, progress=False)
    fuse.write_text("")
    build(Deadly(), url, workers=0, progress=False)
    assert open_store(url).is_complete


def test_a_script_without_the_usual_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from datasets.factory.build import build\nfrom tests.toy import Oscillator\n"
        f"build(Oscillator(), {str(tmp_path / 'toy.zarr')!r}, workers=1, progress=False)\n"
    )
    environment = {"PYTHONPATH": str(Path.cwd())}
    run = [sys.executable, str(script)]
    said = subprocess.run(run, env=environment, capture_output=True, text=True, check=False).stderr
    assert "A worker process imports the script that called build()" in said
    assert "ended before they began" in said.splitlines()[-1]
    assert "if __name__ == '__main__'" in said.splitlines()[-1]


def test_a_recipe_that_workers_cannot_import_is_refused(tmp_path: Path) -> None:
    class Local(Oscillator):
        """Lives in a function."""

    url = str(tmp_path / "toy.zarr")
    with pytest.raises(BuildError, match="top of a module, or build with workers=0"):
        build(Local(), url, workers=1, progress=False)
    assert open_store(url).complete_rows() == []
    build(Local(), url, workers=0, progress=False)


def test_workers_end_with_a_build_that_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, log = str(tmp_path / "toy.zarr"), tmp_path / "log"
    monkeypatch.setenv("TOY_LOG", str(log))
    begun = {each.pid for each in multiprocessing.active_children()}
    main = threading.get_ident()

    def stop() -> None:
        while not log.exists():
            time.sleep(0.05)
        signal.pthread_kill(main, signal.SIGTERM)  # wakes the thread that waits

    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        timer = threading.Thread(target=stop)
        timer.start()
        with pytest.raises(SystemExit):
            build(Sleeping(), url, workers=1, progress=False)
        timer.join()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not {each.pid for each in multiprocessing.active_children()} - begun
    assert not open_store(url).complete_rows()
