"""What to do when a build has stopped: how it is resumed, and what a full disk needs."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from shlex import quote
from typing import cast

from datasets.factory.errors import BuildError
from datasets.factory.recipe import COPY, Recipe
from datasets.store.patience import Unanswered
from surrogates.core.errors import RegistryError
from surrogates.core.files import FULL
from surrogates.core.registry import names, resolve


def is_full_disk(number: int | None) -> bool:
    """Return whether an error number means that the disk, the quota or a file is full."""
    return number in FULL


@contextmanager
def explain_stop(url: str, recipe: type[Recipe]) -> Iterator[None]:
    """Turn a full disk, and a server that is lost, into one line; finished units are kept."""
    try:
        yield
    except Unanswered as error:
        said = str(error).partition(";")[0]
        raise BuildError(
            f"{said}. Finished units are kept: check the network and the server, then "
            f"{how_to_resume(url, recipe)}."
        ) from error
    except OSError as error:
        if is_full_disk(error.errno):
            raise full_disk(url, recipe, error.errno) from error
        raise


def full_disk(url: str, recipe: type[Recipe] | str, number: int | None = errno.ENOSPC) -> BuildError:
    """Return the error of a full disk; `number` says which kind."""
    found, remedy = FULL[number or errno.ENOSPC]
    return BuildError(f"{found} {url}. Finished units are kept: {remedy}, then {how_to_resume(url, recipe)}.")


def how_to_resume(url: str, recipe: type[Recipe] | str, *, workers: int | None = None) -> str:
    """Return what to do to resume a build, such as "run `surrogates data resume a.zarr`".

    Parameters
    ----------
    url
        The store.
    recipe
        The recipe, or its name in the store. A store never names code to run, so that of a recipe of one's
        own is asked for if only the name is known.
    workers
        Number of workers to resume with.
    """
    more = "" if workers is None else f" workers={workers}"
    found = _registered(recipe) if isinstance(recipe, str) else recipe
    if COPY in (recipe, getattr(recipe, "name", None)):  # the store does not record where its origins lie
        return "run the same command again"
    if found is not None and "folder" in found.model_fields:  # the store does not record where its files lie
        return f"run the same command again{more and f' with{more}'}"
    if found is not None and found.__module__ == "__main__":
        return f"call build() again{more and f' with{more}'}"
    return f"run `surrogates data resume {quote(url)}{_option(recipe)}{more}`"


def _option(recipe: type[Recipe] | str) -> str:
    """Return the option that names a recipe which is not registered."""
    if isinstance(recipe, str):
        return "" if recipe in names("recipes") else " --recipe MODULE:CLASS"
    if _registered(recipe.name) is recipe:
        return ""
    return f" --recipe {recipe.__module__}:{recipe.__qualname__}"


def _registered(name: str) -> type[Recipe] | None:
    try:
        found = cast(type[Recipe], resolve("recipes", name))
    except (RegistryError, ImportError):  # unknown, or its extra is not installed
        return None
    return found
