"""Each target works alone: what it would run, asked from make itself in a fresh checkout."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def plan(folder: Path, *words: str) -> str:
    # The tests may themselves run under make, which hands its flags down.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        ["make", "-n", *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def checkout(tmp_path) -> Path:
    for name in ("Makefile", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("target", ["demo", "test", "lint", "types", "bench", "docs", "wheelhouse"])
def test_target_installs_first(checkout, target):
    commands = plan(checkout, target, "PIP_ARGS=torch==2.13.0")
    assert commands.index("-m venv") < commands.index("install torch==2.13.0 --editable")


def test_demo_installs_no_more_than_it_needs(checkout):
    assert '".[radio]"' in plan(checkout, "demo")


def test_installation_happens_once(checkout):
    (checkout / ".venv").mkdir()
    for stamp in (".python", ".radio", ".dev"):
        (checkout / ".venv" / stamp).touch()
    assert "pip" not in plan(checkout, "test")


def test_changed_dependencies_are_installed(checkout):
    test_installation_happens_once(checkout)
    new = (checkout / ".venv" / ".dev").stat().st_mtime + 10
    os.utime(checkout / "pyproject.toml", (new, new))
    assert "--editable" in plan(checkout, "test")


def test_coverage_is_enforced(checkout):
    assert "--cov-fail-under=85" in plan(checkout, "test")


def test_check_of_a_gpu_installs_nothing_and_takes_the_environment_that_is_there(checkout):
    commands = plan(checkout, "gpu-check", "VENV=/opt/there")
    assert "pip" not in commands and "venv" not in commands.replace("/opt/there", "")
    assert "/opt/there/bin/python -m pytest -m gpu" in commands
    assert "/opt/there/bin/surrogates bench gpu --json runs/gpu.json" in commands


def test_check_of_a_gpu_runs_every_file_with_tests_for_one():
    (line,) = (line for line in plan(ROOT, "gpu-check").splitlines() if "-m pytest" in line)
    marked = {path for path in ROOT.glob("tests/**/*.py") if re.search(r"mark\.gpu$", path.read_text(), re.M)}
    assert {str(path.relative_to(ROOT)) for path in marked} <= set(line.split())
    assert len(marked) >= 3
