"""The help of one recipe: its keys with types, defaults and meaning."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from datasets.factory.recipe import Recipe
from datasets.store.errors import ContractError
from datasets.store.units import parse
from surrogates.cli.data_keys import OWN

PLAIN_TYPES = {"string": "text", "boolean": "true or false", "null": "none"}
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}
UNITS = re.compile(r", ([A-Za-z]+(?: [a-z]+-?\d)*)[.;:]")
FOUND_BY_ITSELF = "found by itself"


def print_help(name: str, recipe: type[Recipe]) -> None:
    """Print the help of a recipe.

    Parameters
    ----------
    name
        Name as the user types it.
    recipe
        The recipe.
    """
    verb = "import" if recipe.reads_files else "build"
    first, *_ = (recipe.__doc__ or recipe.title).split("\n\n")
    schema = recipe.model_json_schema()
    folder = "[FOLDER] " if reads_folder(recipe) else ""
    files = f"{folder}[KEYS.yaml] " if recipe.reads_files else ""
    typer.echo(
        f"Usage: surrogates data {verb} {name} {files}KEY=VALUE... out=URL\n\n{' '.join(first.split())}\n"
    )
    table = Table("key", "type", "units", "default", "meaning", box=None)
    for row in _rows(schema, schema.get("$defs", {})):
        table.add_row(*row)
    width = None if sys.stdout.isatty() else 140
    Console(file=sys.stdout, width=width, markup=False, emoji=False).print(table)
    typer.echo(
        f"\nBeside them {', '.join(OWN)}: out=URL is the store, workers=N the processes, parts=I/N a slice, "
        "executor=NAME who runs the units.\n"
        "KEY: VALUE lines of a YAML file come by "
        + ("its name" if recipe.reads_files else "--config FILE")
        + "; KEY=VALUE wins. Paths are relative to the current folder.\n"
        + f"What the data are: surrogates data card {name}\n\n{_example(name, verb, recipe)}"
    )


def reads_folder(recipe: type[Recipe]) -> bool:
    """Whether a recipe asks for the folder of its files, which a command line may name without `folder=`."""
    folder = recipe.model_fields.get("folder")
    return folder is not None and folder.is_required()


def _rows(schema: Mapping[str, Any], defs: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, ...]]:
    """Yield key, type, units, default and meaning of each key, those of a section below it."""
    required = schema.get("required", ())
    for key, field in schema["properties"].items():
        meaning = str(field.get("description", ""))
        if FOUND_BY_ITSELF in meaning:
            continue
        section, where = _section(field, defs, f"{prefix}{key}")
        default = "(required)" if key in required else _value(field, section)
        yield f"{prefix}{key}", type_text(field, defs), units_of(meaning), default, meaning
        if section is not None:
            yield from _rows(section, defs, f"{where}.")


def _section(field: Mapping[str, Any], defs: Mapping[str, Any], key: str) -> tuple[Any, str]:
    """Return the schema of the keys below a key, and their prefix; None for a plain value."""
    inner, where = field, key
    if isinstance(field.get("additionalProperties"), dict):
        inner, where = field["additionalProperties"], f"{key}.NAME"
    found = defs[inner["$ref"].rpartition("/")[2]] if "$ref" in inner else inner
    return (found, where) if "properties" in found else (None, where)


def _value(field: Mapping[str, Any], section: object) -> str:
    """Return a default as it is typed; empty for a section, whose keys have their own."""
    if section is not None or "default" not in field:
        return ""
    value = field["default"]
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) and value else json.dumps(value)


def units_of(meaning: str) -> str:
    """Return the units that the description of a key states behind a comma, such as ``Side of a cell, m.``"""
    for found in UNITS.finditer(meaning):
        with suppress(ContractError):
            parse(found[1])
            return found[1]
    return ""


def type_text(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """Return the type of a JSON schema in plain English, such as ``number, above 0``."""
    if "$ref" in schema:
        return type_text(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_text(each, defs) for each in schema["anyOf"]))
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return _list_text(schema, defs)
    if kind == "object":
        return _mapping_text(schema, defs)
    return ", ".join([PLAIN_TYPES.get(kind, kind), *_bounds(schema)])


def _list_text(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if fixed := schema.get("prefixItems"):
        kinds = dict.fromkeys(type_text(each, defs) for each in fixed)
        return f"list of {len(fixed)}: {', '.join(kinds)}"
    items = schema.get("items")
    return f"list of {type_text(items, defs)}" if isinstance(items, dict) and items else "list"


def _mapping_text(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if "properties" in schema:
        return "section"
    values = schema.get("additionalProperties")
    return f"mapping of names to {type_text(values, defs)}" if isinstance(values, dict) else "mapping"


def _bounds(schema: Mapping[str, Any]) -> list[str]:
    return [f"{said} {schema[key]:g}" for key, said in BOUNDS.items() if key in schema]


def _example(name: str, verb: str, recipe: type[Recipe]) -> str:
    """Return an example command."""
    fields = recipe.model_fields
    keys = [f"{key}=..." for key, field in fields.items() if field.is_required()]
    if not keys:
        own = [key for key in recipe.__annotations__ if key in fields and type(fields[key].default) is int]
        keys = [f"{key}={fields[key].default}" for key in own[:1]]
    last = re.split("[/:]", name)[-1]
    return " ".join(["surrogates data", verb, name, *keys, f"out=data/{last}.zarr"])
