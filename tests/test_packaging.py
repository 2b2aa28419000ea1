"""What a user gets from the wheel, and how it lives beside others."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from surrogates.core import registry

ROOT = Path(__file__).parents[1]
SOURCES = ("surrogates", "datasets", "physics", "conf", "pyproject.toml", "setup.py", "README.md", "LICENSE")


def run(*words: str | Path, **options: object) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel from a copy, so that nothing is left in the checkout and nothing stale gets in."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", source, source)
    return next(source.glob("*.whl"))


@pytest.fixture(scope="module")
def contents(wheel) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_wheel_ships_the_configuration_as_a_package(contents):
    expected = {
        "surrogates/conf/" + path.relative_to(ROOT / "conf").as_posix()
        for path in (ROOT / "conf").rglob("*.yaml")
    }
    assert expected
    assert expected <= contents
    assert "surrogates/conf/__init__.py" in contents


def test_wheel_leaves_the_datasets_namespace_open(contents):
    assert "datasets/store/layout.py" in contents
    assert "datasets/__init__.py" not in contents


def test_wheel_holds_every_module_and_nothing_else_of_the_checkout(contents):
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in ("surrogates", "datasets", "physics")
        for path in (ROOT / package).rglob("*.py")
    }
    assert modules <= contents
    roots = {name.partition("/")[0] for name in contents if ".dist-info" not in name}
    assert roots == {"surrogates", "datasets", "physics"}


def test_installed_wheel_lives_beside_a_regular_package_named_datasets(wheel, tmp_path):
    site = tmp_path / "site"
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel)
    (site / "datasets" / "__init__.py").write_text("def load_dataset(name): return name\n")
    program = (
        "import datasets, datasets.store.specs as ours, surrogates.conf as conf\n"
        "print(datasets.load_dataset('theirs'), ours.__file__, conf.__file__, sep='\\n')"
    )
    measured = ("COVERAGE", "COV_")  # the copy of the package is not the code whose coverage counts
    environment = {name: value for name, value in os.environ.items() if not name.startswith(measured)}
    environment["PYTHONPATH"] = str(site)
    theirs, ours, conf = run(sys.executable, "-c", program, cwd=tmp_path, env=environment).splitlines()
    assert theirs == "theirs"
    assert Path(ours) == site / "datasets" / "store" / "specs.py"
    assert Path(conf) == site / "surrogates" / "conf" / "__init__.py"


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_registered_piece_of_ours_can_be_loaded(kind):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["entry-points"].get(f"surrogates.{kind}", {})
    assert set(declared) <= set(registry.names(kind)), "pyproject.toml changed: install the package again"
    for name in declared:
        assert registry.resolve(kind, name) is not None
