"""Named pieces of a run: entry points of installed packages, ours like everybody's.

A package offers a piece by declaring it in its ``pyproject.toml``::

    [project.entry-points."surrogates.models"]
    fno = "my_package.fno:FNO"
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from surrogates.core.errors import RegistryError
from surrogates.core.optional import explain_missing
from surrogates.core.text import listing, nearest

KINDS = (
    "recipes",
    "models",
    "transforms",
    "objectives",
    "predictors",
    "augmentations",
    "metrics",
    "derivations",
    "verbs",
    "baselines",
    "plots",
    "optimisers",
    "schedules",
)


@cache
def _registered(kind: str) -> dict[str, tuple[EntryPoint, ...]]:
    if kind not in KINDS:
        known = f"Registries: {listing(KINDS)}."
        raise RegistryError(f"There is no registry '{kind}'.{nearest(kind, KINDS)} {known}")
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=f"surrogates.{kind}"):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def names(kind: str) -> list[str]:
    """Return the sorted names registered under ``kind``."""
    return sorted(_registered(kind))


def _one_entry(kind: str, name: str) -> EntryPoint:
    found = _registered(kind)
    if name not in found:
        raise RegistryError(
            f"No {kind.removesuffix('s')} is registered as '{name}'.{nearest(name, found)} "
            f"Registered {kind}: {listing(found)}."
        )
    candidates = found[name]
    if len({entry.value for entry in candidates}) > 1:
        owners = " and ".join(f"{e.dist.name if e.dist else 'unknown'} ({e.value})" for e in candidates)
        raise RegistryError(
            f"Two packages register the {kind.removesuffix('s')} '{name}': {owners}. "
            "Uninstall one of them, or let its author rename the entry point."
        )
    return candidates[0]


@cache
def resolve(kind: str, name: str) -> object:
    """Return what is registered as ``name`` under ``kind``.

    Parameters
    ----------
    kind
        One of `KINDS`.
    name
        The registered name, as in a configuration's ``name:``.

    Raises
    ------
    RegistryError
        When the name is unknown, or two packages register different objects under it.
    ImportError
        When an optional package is missing; the message holds the ``pip install`` line.
    """
    entry = _one_entry(kind, name)
    try:
        return entry.load()
    except ModuleNotFoundError as error:
        raise explain_missing(error, f"The {kind.removesuffix('s')} '{name}'") from error
    except AttributeError as error:
        raise RegistryError(
            f"The {kind.removesuffix('s')} '{name}' points to {entry.value}, which does not exist: {error}."
        ) from error


def forget() -> None:
    """Drop what was cached, so that packages installed since are seen."""
    _registered.cache_clear()
    resolve.cache_clear()
