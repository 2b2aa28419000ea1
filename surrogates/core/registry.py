"""Named pieces of a run, offered by the plug-ins of installed packages."""

import warnings
from functools import cache
from importlib import import_module

from surrogates.core import plugins
from surrogates.core.errors import RegistryError
from surrogates.core.optional import explain_missing
from surrogates.core.plugins import KINDS
from surrogates.core.text import listing, nearest


@cache
def _registered(kind: str) -> dict[str, dict[str, str]]:
    """Return the import paths of each name with the packages that offer them."""
    if kind not in KINDS:
        known = f"Registries: {listing(KINDS)}."
        raise RegistryError(f"There is no registry '{kind}'.{nearest(kind, KINDS)} {known}")
    found: dict[str, dict[str, str]] = {}
    for plugin in plugins.plugins():
        for name, path in plugin.pieces.get(kind, {}).items():
            found.setdefault(name, {})[path] = plugin.distribution
    return found


def names(kind: str) -> list[str]:
    """Return the sorted names registered under ``kind``."""
    return sorted(_registered(kind))


def current_name(kind: str, name: str) -> str:
    """Return the present name of a piece; an old one is answered with a warning that names it."""
    if name in _registered(kind):
        return name
    for plugin in plugins.plugins():
        new = plugin.old_names.get(kind, {}).get(name)
        if new is not None:
            warnings.warn(
                f"the {kind.removesuffix('s')} '{name}' is called '{new}' now; the old name goes with the "
                "next release",
                FutureWarning,
                stacklevel=2,
            )
            return new
    return name


def _path(kind: str, name: str) -> str:
    found = _registered(kind)
    if name not in found:
        raise RegistryError(
            f"No {kind.removesuffix('s')} is registered as '{name}'.{nearest(name, found)} "
            f"Registered {kind}: {listing(found)}."
        )
    paths = found[name]
    if len(paths) > 1:
        owners = " and ".join(f"{owner} ({path})" for path, owner in paths.items())
        raise RegistryError(
            f"Two packages register the {kind.removesuffix('s')} '{name}': {owners}. "
            "Uninstall one of them, or let its author rename the piece."
        )
    return next(iter(paths))


@cache
def resolve(kind: str, name: str) -> object:
    """Return what is registered as ``name`` under ``kind``.

    Parameters
    ----------
    kind
        One of `surrogates.core.plugins.KINDS`.
    name
        The registered name, as in a configuration's ``name:``.

    Raises
    ------
    RegistryError
        When the name is unknown, or two packages register different objects under it.
    ImportError
        When an optional package is missing; the message holds the ``pip install`` line.
    """
    name = current_name(kind, name)
    path = _path(kind, name)
    what = f"The {kind.removesuffix('s')} '{name}'"
    module, _, attribute = path.partition(":")
    try:
        return vars(import_module(module))[attribute]
    except ModuleNotFoundError as error:
        root = (error.name or "").partition(".")[0]
        if module.partition(".")[0] == root and plugins.extra_of(root) is None:
            raise RegistryError(f"{what} points to {path}, which does not exist: {error}.") from error
        raise explain_missing(error, what) from error
    except KeyError as error:
        raise RegistryError(f"{what} points to {path}, which does not exist.") from error


def forget() -> None:
    """Clear the cache, so that packages installed since are seen."""
    plugins.forget()
    _registered.cache_clear()
    resolve.cache_clear()
