"""Path of the repository, for files that are not installed with the package."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from surrogates.core.errors import ConfigError


def checkout(what: str) -> Path:
    """Return the root of the checkout that this package runs from, or that the current folder is.

    Raises
    ------
    FileNotFoundError
        In an installed package outside a checkout; `what` names what was wanted.
    """
    for root in (Path(__file__).resolve().parents[2], Path.cwd()):
        if (root / "benchmarks" / "speed" / "rows.py").is_file():
            return root
    raise FileNotFoundError(
        f"{what} are not in the installed package: clone the repository and run this command in it."
    )


def evidence(root: Path, module: str) -> ModuleType:
    """Return a module of `benchmarks`, which is part of a checkout only."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return importlib.import_module(f"benchmarks.{module}")


def commit(root: Path) -> str:
    """Return the short hash of the checked-out commit, with `+` after it when files have changed."""
    try:
        text = _git(root, "rev-parse", "--short", "HEAD")
        return text + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def files_at(root: Path, revision: str, folder: str) -> list[str]:
    """Return the paths of the files of a folder at a commit.

    Raises
    ------
    ConfigError
        When there is no such commit.
    """
    try:
        return _git(root, "ls-tree", "-r", "--name-only", revision, "--", folder).splitlines()
    except subprocess.CalledProcessError as error:
        raise ConfigError(
            f"there is no commit '{revision}' ({error.stderr.strip()}); `git log` lists those that there are"
        ) from None


def text_at(root: Path, revision: str, path: str) -> str:
    """Return the content of a file at a commit."""
    return _git(root, "show", f"{revision}:{path}")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
