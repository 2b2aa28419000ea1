"""Find recipes by their registered name or by a Python path."""

import importlib
import json
import sys
from contextlib import suppress
from pathlib import Path

from datasets.factory.errors import BuildError
from datasets.factory.recipe import Recipe
from datasets.store.layout import Store
from surrogates.core.errors import RegistryError
from surrogates.core.registry import names, resolve
from surrogates.core.text import nearest


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
    name = str(store.attributes["recipe"])
    if recipe_class is None:
        try:
            recipe_class = _recipe(name, resolve("recipes", name))
        except RegistryError as error:
            raise BuildError(f"{error} A recipe of your own is given by --recipe MODULE:CLASS.") from None
    if recipe_class.name != name:
        raise BuildError(f"{store.url} was made by recipe '{name}', but '{recipe_class.name}' was given.")
    return recipe_class.make(json.loads(str(store.attributes["recipe_config"])))
