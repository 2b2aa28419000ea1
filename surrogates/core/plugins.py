"""Packages that offer pieces: each names one module of plain strings by an entry point.

A package declares in its ``pyproject.toml``::

    [project.entry-points."surrogates.plugins"]
    cooling = "surrogates_cooling.plugin"

and that module holds ``PIECES = {"models": {"cooling/bilinear": "surrogates_cooling.networks:Bilinear"}}``.
It may also hold ``EXTRAS`` (optional module to extra of the package), ``COMMANDS`` (name to import path and
line of help) and ``OLD_NAMES`` (old name to new name, by kind). Nothing else of the package is imported
until it is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from surrogates.core.errors import RegistryError
from surrogates.core.text import listing, nearest

GROUP = "surrogates.plugins"
SPINE = "surrogates.plugin"
"""The only module that may offer names without a domain."""
KINDS = (
    "recipes",
    "executors",
    "models",
    "transforms",
    "heads",
    "objectives",
    "predictors",
    "preparations",
    "metrics",
    "derivations",
    "verbs",
    "baselines",
    "plots",
    "record_plots",
    "checks",
    "optimisers",
    "schedules",
    "callbacks",
    "loggers",
)


@dataclass(frozen=True)
class Plugin:
    """What one module offers.

    Attributes
    ----------
    distribution
        Name of the installed package, for ``pip install``.
    pieces
        Import path of each object (``module:name``), by kind and name.
    old_names
        New name of each old one, by kind.
    extras
        Extra of the distribution that installs an optional module, by module.
    commands
        Import path and line of help of each command.
    """

    distribution: str
    pieces: Mapping[str, Mapping[str, str]]
    old_names: Mapping[str, Mapping[str, str]]
    extras: Mapping[str, str]
    commands: Mapping[str, tuple[str, str]]


@cache
def plugins() -> tuple[Plugin, ...]:
    """Return what the installed packages offer, in the order of the names of their entry points."""
    return tuple(_read(entry) for entry in sorted(entry_points(group=GROUP), key=lambda each: each.name))


def _read(entry: EntryPoint) -> Plugin:
    owner = entry.dist.name if entry.dist else entry.name
    try:
        module = import_module(entry.value)
    except ImportError as error:
        raise RegistryError(
            f"The plug-in '{entry.name}' of {owner} names the module {entry.value}, which cannot be imported "
            f"({error}). Install the package again, or tell its author."
        ) from error
    offered = {name: value for name, value in vars(module).items() if name.isupper()}
    _refuse_unknown(offered, f"{owner} ({entry.value})")
    pieces: dict[str, dict[str, str]] = offered.get("PIECES", {})
    _refuse_kinds(pieces, owner)
    if entry.value != SPINE:
        _refuse_bare([name for kind, names in pieces.items() if kind != "verbs" for name in names], owner)
    commands = offered.get("COMMANDS", {})
    _refuse_bare(list(commands), owner)
    for old, new in offered.get("OLD_NAMES", {}).get("commands", {}).items():
        if new not in commands:
            raise RegistryError(
                f"{owner}: the old command '{old}' leads to '{new}', which it does not offer."
            )
    return Plugin(
        owner, pieces, offered.get("OLD_NAMES", {}), offered.get("EXTRAS", {}), offered.get("COMMANDS", {})
    )


def _refuse_unknown(offered: Mapping[str, Any], where: str) -> None:
    known = [each.name.upper() for each in fields(Plugin) if each.name != "distribution"]
    for name in offered:
        if name not in known:
            raise RegistryError(
                f"{where} offers '{name}'.{nearest(name, known)} It may offer {listing(known)}."
            )


def _refuse_kinds(pieces: Mapping[str, Any], owner: str) -> None:
    for kind in pieces:
        if kind not in KINDS:
            raise RegistryError(
                f"{owner} offers pieces of the kind '{kind}'.{nearest(kind, KINDS)} Kinds: {listing(KINDS)}."
            )


def _refuse_bare(names: list[str], owner: str) -> None:
    """Refuse a name without a domain, which a later release of ours may give to something else."""
    for name in names:
        if "/" not in name:
            raise RegistryError(
                f"{owner} offers '{name}'; a name is 'domain/name', such as "
                f"'{owner.replace('-', '_')}/{name}'"
            )


def extra_of(module: str) -> tuple[str, str] | None:
    """Return distribution and extra that install an optional module, or None if no package names it."""
    for plugin in plugins():
        if module in plugin.extras:
            return plugin.distribution, plugin.extras[module]
    return None


def forget() -> None:
    """Clear the cache, so that packages installed since are seen."""
    plugins.cache_clear()
