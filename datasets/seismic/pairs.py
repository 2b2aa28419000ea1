"""Files of gathers and of velocity models that belong together, by what they hold and how they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datasets.factory.errors import BuildError
from datasets.factory.formats import matching
from datasets.factory.limits import MOST_ARRAY_BYTES
from datasets.seismic.arrays import FORMATS, StoredArray, arrays_in
from datasets.seismic.names import KINDS, expression, family_of, numbers, stated_subset, words_of

NONE = "none"
"""Value of the key `models` for gathers without velocity models."""
ADVICE = "name the files by `gathers` and `models`, such as gathers='seismic*.npy' models='vmodel*.npy'"

GATHERS, MODELS = "gathers", "velocity models"

Key = tuple[str, ...]
"""What a file has to share with its partner."""


@dataclass(frozen=True)
class Shapes:
    """What tells gathers and velocity models apart.

    Attributes
    ----------
    gathers
        Shots, samples and receivers, all different.
    models
        Depths and laterals.
    """

    gathers: tuple[int, int, int]
    models: tuple[int, int]

    def kind(self, shape: tuple[int, ...]) -> str:
        """Return `GATHERS`, `MODELS` or nothing for the shape of an array."""
        if len(shape) in (3, 4) and sorted(shape[-3:]) == sorted(self.gathers):
            return GATHERS
        channel = len(shape) < 4 or (len(shape) == 4 and shape[1] == 1)
        return MODELS if len(shape) >= 2 and channel and shape[-2:] == self.models else ""

    def records(self, shape: tuple[int, ...]) -> int:
        """Return the number of records of an array of either kind."""
        return shape[0] if len(shape) > len(self._one(shape)) else 1

    def record(self, array: StoredArray, index: int) -> np.ndarray:
        """Return one record with its axes in order: (shot, sample, receiver) or (depth, lateral)."""
        values, one = array.values(), self._one(array.shape)
        record = values[index] if values.ndim > len(one) else values
        return record.transpose(self.order(array.shape)) if one is self.gathers else record.reshape(one)

    def order(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return which of the last three axes of gathers are shots, samples and receivers."""
        return tuple(shape[-3:].index(size) for size in self.gathers)

    def expected(self) -> str:
        """Return both shapes, for messages."""
        gathers, models = (", ".join(map(str, each)) for each in (self.gathers, self.models))
        return f"gathers of shape (records, {gathers}) or models of shape (records, 1, {models})"

    def _one(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.gathers if self.kind(shape) == GATHERS else self.models


@dataclass(frozen=True)
class Pair:
    """Gathers and their velocity models (None: there are none).

    Attributes
    ----------
    family
        Of `datasets.seismic.variables.FAMILIES`, by the names of file and folders.
    stated
        Subset that these names state, such as ``test_data``; -1 if none.
    """

    gathers: StoredArray
    models: StoredArray | None
    family: str
    stated: int


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes
    ----------
    pairs
        Sorted by folder and by the numbers in their names.
    files
        Number of files that were looked at.
    causes, chosen
        How many of them are not used, by cause: unasked, and because a key says so.
    """

    pairs: list[Pair]
    files: int
    causes: dict[str, int] = field(default_factory=dict)
    chosen: dict[str, int] = field(default_factory=dict)


def find_pairs(
    folder: Path,
    files: Sequence[Path],
    shapes: Shapes,
    patterns: tuple[str, str],
    layout: str,
    most: int = MOST_ARRAY_BYTES,
) -> Found:
    """Find the gathers and velocity models that belong together.

    Without patterns, the shape of an array tells what it is, and two arrays belong together if their paths
    are the same but for the words of `KINDS`. With patterns, they do if the stars stand for the same.

    Parameters
    ----------
    folder
        The folder of the files, or one file, whose partner lies beside it.
    files
        What it holds.
    shapes
        Of one record.
    patterns
        Shell patterns (``*``, ``**/``, ``?``) of the files with gathers and of those with models, relative to
        the folder; empty for any name, or the second one `NONE`.
    layout
        What is expected, for messages.
    most
        Most bytes of an array in an archive.

    Raises
    ------
    BuildError
        If there are no gathers, if some have no partner or more than one, or if an array has the wrong type.
    """
    given = [path.absolute() for path in files]
    root, candidates = _candidates(folder.absolute(), given, any(patterns))
    keys = {path: _keys(path.relative_to(root), patterns) for path in candidates}
    named = [path for path in candidates if keys[path]]
    gathers, models, strange = _by_kind(named, shapes, layout, most)
    if not gathers:
        raise BuildError(_no_gathers(folder, strange, models, shapes, layout))
    alone = patterns[1] == NONE
    for kind, arrays in ((GATHERS, gathers), (MODELS, [] if alone else models)):
        for array in arrays:
            _require(array, kind, keys[array.path])
    matched: list[tuple[StoredArray, StoredArray | None]] = [(each, None) for each in gathers]
    if not alone:
        matched = _matched(gathers, models, strange, keys, shapes, layout)
    pairs = [
        Pair(each, partner, family_of(each.path, root), stated_subset(each.path.relative_to(root)))
        for each, partner in matched
        if {each.path, partner and partner.path} & set(given)
    ]
    pairs.sort(key=lambda pair: (pair.gathers.path.parent, numbers(pair.gathers.path), str(pair.gathers)))
    example = f", such as {strange[0].shape} in {strange[0].path.name}" if strange else ""
    used = {array.path for array in gathers}
    return Found(
        pairs,
        len(candidates),
        causes={f"of another shape{example}": len(strange)},
        chosen={
            "not named by `gathers` or `models`": len(candidates) - len(named),
            "velocity models (models=none)": len({each.path for each in models} - used) if alone else 0,
        },
    )


def _candidates(folder: Path, given: list[Path], named: bool) -> tuple[Path, list[Path]]:
    """Return the folder that names are relative to, and the files; partners outside if none are named."""
    root = folder.parent if folder.is_file() else folder
    if named or not (beside := _beside(folder, given)):
        return root, given
    root = root.parent if root.name.lower() in KINDS else root
    wanted = {words_of(path.relative_to(root)) for path in given}
    return root, [*given, *(path for path in beside if words_of(path.relative_to(root)) in wanted)]


def _by_kind(
    paths: Sequence[Path], shapes: Shapes, layout: str, most: int
) -> tuple[list[StoredArray], list[StoredArray], list[StoredArray]]:
    """Return the arrays with gathers, those with models, and one of each file that holds neither."""
    gathers, models, strange = [], [], []
    for path in paths:
        arrays = arrays_in(path, layout, most)
        kinds = [shapes.kind(array.shape) for array in arrays]
        gathers += [array for array, kind in zip(arrays, kinds, strict=True) if kind == GATHERS]
        models += [array for array, kind in zip(arrays, kinds, strict=True) if kind == MODELS]
        strange += arrays[:1] if not any(kinds) else []
    return gathers, models, strange


def _beside(path: Path, given: Sequence[Path]) -> list[Path]:
    """Return the files that may be partners of one file, or of a folder that holds files of one kind."""
    folder = path.parent if path.is_file() else path
    places = [folder] if path.is_file() else []
    if folder.name.lower() in KINDS and all(each.parent == folder for each in given):
        siblings = (each for each in folder.parent.iterdir() if each != folder and each.is_dir())
        places += [each for each in siblings if each.name.lower() in KINDS]
    patterns = [f"[!.]*.{suffix}" for suffix in FORMATS]
    found = {file for place in places for file in matching(place, patterns)}
    return sorted(found - set(given))


def _keys(relative: Path, patterns: tuple[str, str]) -> dict[str, Key]:
    """Return what a file has to share with its partner, for each kind of array that it may hold."""
    found = {}
    for kind, pattern in zip((GATHERS, MODELS), patterns, strict=True):
        if pattern in ("", NONE):
            found[kind] = words_of(relative)
        elif match := expression(pattern).fullmatch(relative.as_posix()):
            found[kind] = tuple(
                " ".join(words_of(Path(each))) if each.endswith("/") else each for each in match.groups()
            )
    return found if GATHERS in found or (MODELS in found and patterns[1] != NONE) else {}


def _require(array: StoredArray, kind: str, keys: Mapping[str, object]) -> None:
    """Refuse an array of a type that is none of its kind, or in a file that is named for the other kind."""
    if kind not in keys:
        raise BuildError(
            f"{array}: {kind} of shape {array.shape} found, where the file is named by the key of the "
            "others; are `gathers` and `models` swapped?"
        )
    if array.dtype.kind not in ("f" if kind == GATHERS else "fiu"):
        raise BuildError(
            f"{array}: {kind} of type {array.dtype} found, floats expected; what one stands for is not stated"
        )


def _matched(
    gathers: list[StoredArray],
    models: list[StoredArray],
    strange: list[StoredArray],
    keys: Mapping[Path, Mapping[str, Key]],
    shapes: Shapes,
    layout: str,
) -> list[tuple[StoredArray, StoredArray | None]]:
    """Return the gathers with their models; refuse what has no partner or more than one."""
    of_key = {kind: _by_key(kind, arrays, keys) for kind, arrays in ((GATHERS, gathers), (MODELS, models))}
    for kind, partner in ((GATHERS, MODELS), (MODELS, GATHERS)):
        lonely = {key: array for key, array in of_key[kind].items() if key not in of_key[partner]}
        for array in strange:
            if keys[array.path].get(partner) in lonely:
                raise BuildError(_other_shape(array, shapes))
        if lonely:
            first, total = next(iter(lonely.values())), len(of_key[kind])
            more = f", like {len(lonely)} of {total} files of {kind}" if len(lonely) > 1 else ""
            advice = ADVICE if models else "give models=none for gathers without models"
            raise BuildError(f"{first} has no partner with {partner}{more}; expected {layout}. Else {advice}")
    return [(array, of_key[MODELS][key]) for key, array in of_key[GATHERS].items()]


def _by_key(
    kind: str, arrays: Sequence[StoredArray], keys: Mapping[Path, Mapping[str, Key]]
) -> dict[Key, StoredArray]:
    found: dict[Key, StoredArray] = {}
    for array in arrays:
        if (other := found.setdefault(keys[array.path][kind], array)) is array:
            continue
        if other.path == array.path:
            raise BuildError(f"{array} and '{other.member}' are both {kind}; keep one of them in the archive")
        raise BuildError(
            f"{array} and {other} are both {kind} of the same name; are gathers and models swapped? Else "
            f"{ADVICE}"
        )
    return found


def _other_shape(array: StoredArray, shapes: Shapes) -> str:
    return (
        f"{array}: {array.dtype} of shape {array.shape} found, {shapes.expected()} expected; is it a file of "
        "OpenFWI? Arrays of another survey are read by `surrogates data import generic`"
    )


def _no_gathers(
    folder: Path, strange: Sequence[StoredArray], models: Sequence[StoredArray], shapes: Shapes, layout: str
) -> str:
    """Return why no array can be taken for gathers."""
    if strange:
        return _other_shape(strange[0], shapes)
    if models:
        return (
            f"{models[0]} has no partner with gathers; expected {layout}. To simulate gathers over velocity "
            "models use `surrogates data import seismic/models`"
        )
    return f"{folder} holds no file that `gathers` names; expected {layout}"
