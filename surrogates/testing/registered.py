"""What holds for a registered name of any kind: lazy, documented, strict about its arguments."""

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from pydantic import BaseModel

from surrogates.core.build import parameter_names, resolved
from surrogates.core.errors import ConfigError
from surrogates.core.plugins import GROUP, plugins
from surrogates.core.registry import resolve
from surrogates.learning.context import Fact
from surrogates.learning.piece import Piece
from surrogates.learning.pipeline import HEAD_ARGUMENTS, NETWORK_ARGUMENTS

HEAVY = ("torch", "xarray", "zarr", "hydra", "lightning", "sklearn", "matplotlib")
"""Modules that no plug-in imports before a piece is used."""
SUPPLIED: dict[str, Collection[str]] = {
    "models": NETWORK_ARGUMENTS,
    "heads": HEAD_ARGUMENTS,
    "optimisers": ("parameters", "fused"),
    "schedules": ("steps",),
    "loggers": ("folder", "first_step", "experiment", "run"),
    "record_plots": ("record",),
    "verbs": ("surrogate",),
}
"""Arguments that the program gives, by kind; every kind may also take `context`."""
WITHOUT_NODE = ("checks", "record_plots", "verbs")
"""Kinds that no configuration builds."""


def check_registered(kind: str, name: str) -> None:
    """Check that a name leads to a documented piece, without heavy imports, and is strict.

    Parameters
    ----------
    kind
        Registry, ``"models"`` and so on.
    name
        Registered name, ``domain/piece``.

    Raises
    ------
    AssertionError
        When the plug-in imports heavy modules before a piece is used, when the piece is not documented, or
        when an unknown argument is not answered with the nearest one.
    """
    where = f"{kind.removesuffix('s')} '{name}'"
    constructor = resolve(kind, name)
    owner = next(each.distribution for each in plugins() if name in each.pieces.get(kind, {}))
    heavy = _imported_by_plugins().get(owner, [])
    if heavy:
        raise AssertionError(
            f"{where}: the plug-in of {owner} imports {', '.join(heavy)}; expected plain strings, and "
            "imports where a piece is used"
        )
    if not callable(constructor):
        return
    supplied = {"context", *SUPPLIED.get(kind, ()), *_facts(constructor)}
    check_documented(constructor, supplied, where)
    if kind not in WITHOUT_NODE:
        _check_strict(kind, name, constructor, supplied, where)


def check_documented(
    constructor: Callable[..., object], supplied: Collection[str] = (), where: str | None = None
) -> None:
    """Check that a class or function says what it is for, and describes its parameters, which have types.

    Parameters
    ----------
    constructor
        Class or function.
    supplied
        Parameters that the program gives, which need a type alone.
    where
        What it is called in messages.
    """
    where = where or getattr(constructor, "__name__", repr(constructor))
    own = vars(constructor).get("__doc__") if isinstance(constructor, type) else constructor.__doc__
    if not (own or "").strip():
        raise AssertionError(f"{where}: no docstring; expected a line that says what it is for")
    if isinstance(constructor, type) and issubclass(constructor, BaseModel):
        for name, field in constructor.model_fields.items():
            if not field.description:
                raise AssertionError(
                    f"{where}: the field '{name}' has no description; expected what it is, with its unit"
                )
        return
    described = _described(constructor)
    for name, parameter in inspect.signature(constructor).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise AssertionError(f"{where}: it takes *{name}; expected parameters by name")
        if parameter.annotation is parameter.empty:
            raise AssertionError(f"{where}: the parameter '{name}' has no type; expected an annotation")
        if name not in described and name not in supplied:
            raise AssertionError(
                f"{where}: the parameter '{name}' is not described; expected it under 'Parameters' in the "
                "docstring"
            )


def _facts(constructor: object) -> dict[str, Fact]:
    typed = isinstance(constructor, type) and issubclass(constructor, Piece)
    return dict(constructor.facts) if typed else {}  # type: ignore[attr-defined]


def _described(constructor: Callable[..., object]) -> set[str]:
    """Return the names in the section 'Parameters' of a docstring, and of those of the bases."""
    bases = constructor.__mro__ if isinstance(constructor, type) else (constructor,)
    names: set[str] = set()
    for each in bases:
        text = inspect.cleandoc(getattr(each, "__doc__", "") or "")
        section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)
        for line in section.group(1).splitlines() if section else ():
            if re.match(r"\w", line):
                names |= {name.strip(" *") for name in line.partition(":")[0].split(",")}
    return names


def _check_strict(
    kind: str, name: str, constructor: Callable[..., Any], supplied: Collection[str], where: str
) -> None:
    model = isinstance(constructor, type) and issubclass(constructor, BaseModel)
    known = set(constructor.model_fields) if model else parameter_names(constructor) - set(supplied)  # type: ignore[attr-defined]
    like = max(known, key=len, default="width")
    wrong = f"{like}_"
    given: dict[str, object] = {} if model else dict.fromkeys(supplied)
    try:
        resolved(kind, {"name": name, wrong: 1}, **given)
    except ConfigError as error:
        if known and f"Did you mean '{like}'?" not in str(error) and f"'{wrong}'" not in str(error):
            raise AssertionError(
                f"{where}: the unknown argument '{wrong}' is answered with {error}; expected the nearest, "
                f"'{like}'"
            ) from error
        return
    raise AssertionError(f"{where}: the unknown argument '{wrong}' is taken; expected an error")


@cache
def _imported_by_plugins() -> dict[str, list[str]]:
    """Return the heavy modules that reading the plug-ins imports, by distribution."""
    program = (
        "import json, sys\n"
        "from importlib import import_module\n"
        "from importlib.metadata import entry_points\n"
        f"heavy, found = {HEAVY!r}, {{}}\n"
        f"for entry in entry_points(group={GROUP!r}):\n"
        "    before = set(sys.modules)\n"
        "    import_module(entry.value)\n"
        "    new = sorted(name for name in heavy if name in sys.modules and name not in before)\n"
        "    found.setdefault(entry.dist.name if entry.dist else entry.name, []).extend(new)\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))
