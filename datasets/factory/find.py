"""Find recipes by their registered name or by a Python path."""

import importlib
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from datasets.factory.errors import BuildError
from datasets.factory.recipe import COPY, Recipe
from datasets.factory.sources import Source
from datasets.store.layout import Store
from surrogates.core.errors import RegistryError
from surrogates.core.registry import names, resolve
from surrogates.core.text import listing, nearest

NOT_READ = (
    "a store is resumed with the files of the folder that you are in, and with no others: "
    "repeat the command that "
    "began it"
)


def find_recipe(name: str) -> type[Recipe]:
    """Return a recipe class.

    Parameters
    ----------
    name
        A registered name (``radio/urban``) or, for a recipe of one's own, ``module:Class``; the module may
        lie in the current folder.

    Raises
    ------
    BuildError, RegistryError
        When there is no such recipe; names the nearest.
    """
    return _recipe(name, _imported(name) if ":" in name else resolve("recipes", name))


def importer_names() -> list[str]:
    """Return the registered recipes that read files; without those whose extra is not installed."""
    found = []
    for name in names("recipes"):
        with suppress(ImportError, RegistryError):
            if getattr(resolve("recipes", name), "reads_files", False):
                found.append(name)
    return found


def _recipe(name: str, found: object) -> type[Recipe]:
    if not (isinstance(found, type) and issubclass(found, Recipe)):
        raise BuildError(
            f"'{name}' is {found!r}, expected a class that extends datasets.factory.recipe.Recipe."
        )
    for attribute in ("name", "title"):
        if not isinstance(getattr(found, attribute, None), str):
            raise BuildError(f"Recipe class '{name}' lacks the class attribute `{attribute}`, a text.")
    return found


def _imported(path: str) -> object:
    module_name, _, class_name = path.partition(":")
    if not (module_name and class_name):
        raise BuildError(f"'{path}' is no MODULE:CLASS, such as my_module:MyRecipe.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.split(".")[0] and error.name != module_name:
            raise
        raise BuildError(
            f"There is no Python module '{module_name}' in {here} or among the installed ones."
        ) from error
    if not hasattr(module, class_name):
        raise BuildError(f"Module '{module_name}' has no '{class_name}'.{nearest(class_name, dir(module))}")
    return getattr(module, class_name)


def recipe_of(store: Store, recipe_class: type[Recipe] | None = None) -> Recipe:
    """Return the recipe that a store was made by, with the parameters that the store names.

    Parameters
    ----------
    store
        An open store.
    recipe_class
        The class, where it is not registered. A store never names code to import: who asks for a stranger's
        recipe types its path.

    Raises
    ------
    BuildError
        When the class makes other data than the store's recipe.
    """
    name = store.text("recipe")
    if name == COPY:
        raise BuildError(
            f"{store.url} is a copy of records of {_origins(store)}, which no recipe makes again: repeat the "
            "command that began it to resume it, and have units simulated again in these stores"
        )
    if recipe_class is None:
        try:
            recipe_class = _recipe(name, resolve("recipes", name))
        except RegistryError as error:
            raise BuildError(f"{error} A recipe of your own is given by --recipe MODULE:CLASS.") from None
    if recipe_class.name != name:
        raise BuildError(f"{store.url} was made by recipe '{name}', but '{recipe_class.name}' was given.")
    config = store.mapping("recipe_config")
    _refuse_own_paths(store.url, recipe_class, config)
    return recipe_class.make(config)


def _origins(store: Store) -> str:
    origins = store.mapping("recipe_config").get("origins")
    return listing(str(each.get("store")) for each in origins or [] if isinstance(each, dict))


def _refuse_own_paths(url: str, recipe_class: type[Recipe], config: Mapping[str, Any]) -> None:
    """Refuse files that a store names outside the current folder: who typed its path knows nothing of them.

    A recipe finds the files that a user types; a store gives them as they were found, with their hashes.
    """
    if "folder" in config and "folder" in recipe_class.model_fields:
        raise BuildError(
            f"{url}: recipe_config names a folder, {config['folder']!r}, expected none; {NOT_READ}"
        )
    if isinstance(config.get("design"), str):  # a table's values stand in a store, never its path
        raise BuildError(f"{url}: recipe_config names the file {config['design']!r} (design); {NOT_READ}")
    for key, field in recipe_class.model_fields.items():
        if key not in config or not _holds_sources(field.annotation):
            continue
        given = config[key]
        for each in given if isinstance(given, list) else [given]:
            path = each.get("path") if isinstance(each, dict) else each
            if not isinstance(each, dict) or not isinstance(path, str) or not _is_below(Path(), path):
                raise BuildError(
                    f"{url}: recipe_config names the file {path!r} ({key}), expected a path "
                    f"below the current folder, "
                    f"without '..', and its SHA-256; {NOT_READ}"
                )
            if each.get("sha256") is None:
                raise BuildError(
                    f"{url}: recipe_config gives no SHA-256 of the file {path!r} ({key}); {NOT_READ}"
                )


def _holds_sources(annotation: Any) -> bool:
    """Return whether a field holds the sources of an import."""
    return annotation is Source or any(map(_holds_sources, get_args(annotation)))


def _is_below(folder: Path, path: str) -> bool:
    """Return whether a path is relative and leads, links resolved, to below a folder."""
    plain = PurePosixPath(path)
    odd = (
        plain.is_absolute()
        or ".." in plain.parts
        or "\0" in path
        or "\\" in path
        or ":" in path
        or path[:1] == "~"
    )
    return not odd and path != "" and (folder / plain).resolve().is_relative_to(folder.resolve())
