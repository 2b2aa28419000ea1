"""What names of files and folders state: kind of content, family, subset, numbers."""

from __future__ import annotations

import re
from pathlib import Path

from datasets.seismic.variables import FAMILIES
from datasets.store.specs import TEST, TRAIN, VALIDATION

KINDS = frozenset(
    (
        *("data", "seis", "seismic", "gather", "gathers", "shot", "shots", "waveform", "waveforms"),
        *("amplitude", "amplitudes", "amp", "input", "inputs", "x"),
        *("model", "models", "vel", "velocity", "velocities", "vmodel", "vmodels", "vp"),
        *("label", "labels", "target", "targets", "output", "outputs", "y"),
        *("npy", "npz"),
    )
)
"""Words of paths that say what is in a file, and nothing of whose it is."""
SUBSETS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
"""Words of paths that state a subset."""
_FAMILY = re.compile(
    r"(?<![a-z])(?:(flat|curve)[-_ ]?(vel|fault)|(style))[-_ ]?([ab])(?![a-z])", re.IGNORECASE
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")


def family_of(path: Path, root: Path) -> str:
    """Return the family that the name of a file or of a folder above it states, the nearest one first."""
    names = [path.stem, *(folder.name for folder in path.parents)]
    inside = len(path.relative_to(root).parts) + 1
    for level, name in enumerate(names):
        if level < inside and (found := _FAMILY.search(name)):
            return f"{''.join(filter(None, found.groups()[:3]))}-{found[4]}".lower()
        if level and (plain := name.lower().replace("_", "-")) in FAMILIES:
            return plain
    return "unknown"


def numbers(path: Path) -> tuple[int, ...]:
    """Return the numbers in the name of a file."""
    return tuple(int(number) for number in re.findall(r"\d+", path.stem))


def words_of(relative: Path) -> tuple[str, ...]:
    """Return the words and numbers of a path, without those that say what is in the file."""
    words = (word.lower() for word in _WORD.findall(str(relative)))
    return tuple(word.lstrip("0") or "0" if word.isdigit() else word for word in words if word not in KINDS)


def stars(pattern: str) -> int:
    """Return how many texts a shell pattern leaves open."""
    return expression(pattern).groups


def expression(pattern: str) -> re.Pattern[str]:
    """Return a shell pattern as a regular expression with a group for each of its stars."""
    whole = pattern if "/" in pattern else f"**/{pattern}"
    pieces = re.split(r"(\*\*/|\*|\?)", whole)
    groups = {"**/": "((?:.*/)?)", "*": "([^/]*)", "?": "([^/])"}
    return re.compile("".join(groups.get(each, re.escape(each)) for each in pieces), re.IGNORECASE)


def stated_subset(relative: Path) -> int:
    """Return the subset that the words of a path state; -1 if none or more than one."""
    words = {word.lower() for word in _WORD.findall(str(relative))}
    stated = {SUBSETS[word] for word in words & SUBSETS.keys()}
    return stated.pop() if len(stated) == 1 else -1
