"""Versions of the store's format."""

import json
import shlex
from collections.abc import Mapping
from typing import NoReturn

import yaml

from datasets.store.errors import ContractError

FORMAT_VERSION = 1


def rebuild_command(attributes: Mapping[str, object]) -> str:
    """Return the command that makes a store anew from its `recipe` and `recipe_config`."""
    try:
        config = json.loads(str(attributes.get("recipe_config", "{}")))
    except (ValueError, RecursionError):  # the version is what is refused
        config = {}
    keys = config.items() if isinstance(config, dict) else ()
    overrides = [f"{key}={_text(value)}" for key, value in keys]
    recipe = str(attributes.get("recipe", "RECIPE"))
    return shlex.join(["surrogates", "data", "build", recipe, "out=NEW", *overrides])


def _text(value: object) -> str:
    """Return a value as the command line reads it back: text like `no` or `[1` in quotes."""
    try:
        plain = isinstance(value, str) and yaml.safe_load(value) == value
    except yaml.YAMLError:
        plain = False
    return str(value) if plain else json.dumps(value)


def refuse_version(url: str, attributes: Mapping[str, object]) -> NoReturn:
    """Refuse a store of another format version with the command that makes a new one.

    Version 1 is the first, so there is nothing to migrate yet. A summary (`datasets.store.summary`) makes
    no new version: older releases open stores with one, and stores without one are read row by row.
    """
    if "format_version" not in attributes:
        raise ContractError(
            f"{url} is a Zarr group without `format_version`, so not a data store; bring its arrays in with "
            "`surrogates data import generic`"
        )
    raise ContractError(
        f"{url} has format_version {attributes['format_version']}, this release reads {FORMAT_VERSION}; "
        f"make a new store with `{rebuild_command(attributes)}`"
    )
