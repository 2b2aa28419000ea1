"""The package of a third party in `tests/plugin`, installed where the spine can see it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from surrogates.core import registry

PLUGIN = Path(__file__).parent / "plugin"


def install(folder: Path) -> Path:
    """Install the package into a folder of its own, from a copy that may be littered; return its place."""
    source, target = folder / "source", folder / "site"
    shutil.copytree(PLUGIN, source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", target, source], check=True, capture_output=True)
    return target


@contextmanager
def installed(site: Path) -> Iterator[None]:
    """Put the installed package on the path of this process, and of those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", str(site))
        registry.forget()
        yield
    registry.forget()
