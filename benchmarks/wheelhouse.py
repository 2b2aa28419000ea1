"""Collect the wheels that a machine without network lacks, in folders small enough to carry there.

`make wheelhouse` calls it. Versions are those installed here, which the tests have passed with. PyTorch, CuPy
and the CUDA libraries are left out: they have to be there already, built for that machine's driver.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path
from typing import cast

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = "sciml-surrogates"
BESIDE = ("pytest", "setuptools")
"""What the checks on the other machine need beside the package: a runner, and what builds the package."""
LEFT_OUT = ("torch", "triton", "cupy-*", "cuda-*", "nvidia-*")
OLDEST = 5
"""Of the manylinux tags by glibc's version, 2.5."""


def main(words: Sequence[str] | None = None) -> None:
    """Collect what a command line asks for; print the command that installs it there."""
    parser = argparse.ArgumentParser(prog="wheelhouse", description=__doc__)
    parser.add_argument("--extras", required=True, help="Extras to install there, such as radio,seismic.")
    parser.add_argument("--python-version", required=True, help="Python there, such as 3.12.")
    parser.add_argument(
        "--platform", required=True, help="Such as manylinux_2_28_x86_64: glibc and processor."
    )
    parser.add_argument("--part-mb", type=int, required=True, help="Largest folder, MB.")
    parser.add_argument("--folder", type=Path, default=Path("wheelhouse"))
    given = parser.parse_args(words)
    wanted = [f"{OURS}[{given.extras}]", *BESIDE]
    pins = needed(wanted, environment_of(given.python_version, given.platform))
    del pins[OURS]
    if given.folder.exists():
        raise SystemExit(f"error: {given.folder} is there already; remove it, or name another folder")
    fetch([f"{name}=={version}" for name, version in pins.items()], given)
    sizes = {path.name: path.stat().st_size for path in given.folder.iterdir()}
    parts = split(sizes, given.part_mb * 10**6)
    links = []
    for number, names in enumerate(parts, 1):
        part = given.folder / f"part-{number:02}"
        part.mkdir()
        for name in names:
            (given.folder / name).rename(part / name)
        size = sum(sizes[name] for name in names) / 1e6
        alone = f", larger than {given.part_mb} MB: {names[0]}" if size > given.part_mb else ""
        print(f"{part}: {len(names)} wheels, {size:.0f} MB{alone}")
        links.append(f"--find-links {part}")
    print(f'pip install --no-index {" ".join(links)} --editable ".[{given.extras}]" {" ".join(BESIDE)}')


def environment_of(python_version: str, platform: str) -> dict[str, str]:
    """Return what markers of requirements ask for, on Linux with another Python and processor."""
    here = cast(dict[str, str], default_environment())
    there = {"python_version": python_version, "python_full_version": f"{python_version}.0"}
    return here | there | {"platform_machine": _parsed(platform)[1]}


def needed(wanted: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return name and installed version of all that requirements lead to, without what is left out.

    Raises
    ------
    SystemExit
        When something is not installed here, so that no version is known.
    """
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen or any(fnmatch(name, pattern) for pattern in LEFT_OUT):
            continue
        seen.add((name, extras))
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise SystemExit(
                f"error: {name} is not installed here, so no version is known; run make install"
            ) from None
        found[name] = distribution.version
        for inner in map(Requirement, distribution.requires or []):
            marker = inner.marker
            if marker is None or any(
                marker.evaluate({**environment, "extra": each}) for each in extras or {""}
            ):
                waiting.append(inner)
    return dict(sorted(found.items()))


def fetch(pins: Sequence[str], given: argparse.Namespace) -> None:
    """Download wheels for the other machine; build those of pure Python that exist only as source.

    Raises
    ------
    SystemExit
        When there is neither a wheel for that machine nor source of pure Python.
    """
    tags = [word for tag in platforms(given.platform) for word in ("--platform", tag)]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    there = ["--python-version", given.python_version, *tags]
    download = [
        *pip,
        "download",
        "-qq",
        "--no-deps",
        "--prefer-binary",
        *there,
        "--dest",
        str(given.folder),
    ]
    if subprocess.run([*download, *pins], check=False).returncode:
        raise SystemExit("error: pip found not all of it, see above; take another Python version or platform")
    for source in [path for path in given.folder.iterdir() if path.suffix != ".whl"]:
        wheel = [
            *pip,
            "wheel",
            "-qq",
            "--no-deps",
            "--wheel-dir",
            str(given.folder / "built"),
            str(source),
        ]
        subprocess.run(wheel, check=True)
        (built,) = (given.folder / "built").iterdir()
        if not built.name.endswith("-none-any.whl"):
            raise SystemExit(
                f"error: {source.name} has no wheel for Python {given.python_version} on {given.platform} "
                "and must be compiled there; take another Python version or platform"
            )
        built.rename(given.folder / built.name)
        built.parent.rmdir()
        source.unlink()


def platforms(platform: str) -> list[str]:
    """Return all tags that a machine takes, newest first; pip takes each word for one tag only."""
    newest, processor = _parsed(platform)
    old = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    tags = []
    for glibc in range(newest, OLDEST - 1, -1):
        tags += [f"manylinux_2_{glibc}_{processor}", *([f"{old[glibc]}_{processor}"] if glibc in old else [])]
    return tags


def _parsed(platform: str) -> tuple[int, str]:
    """Return the minor version of glibc and the processor."""
    match = re.fullmatch(r"manylinux_2_(\d+)_(\w+)", platform)
    if match is None:
        raise SystemExit(f"error: platform {platform} found, one such as manylinux_2_28_x86_64 expected")
    return int(match[1]), match[2]


def split(sizes: Mapping[str, int], largest: int) -> list[list[str]]:
    """Divide files into few parts of at most `largest` bytes; a larger file is a part of its own."""
    parts: list[list[str]] = []
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        for part in parts:
            if sum(sizes[each] for each in part) + sizes[name] <= largest:
                part.append(name)
                break
        else:
            parts.append([name])
    return parts


if __name__ == "__main__":
    main()
