"""The JSON schema of an experiment's file, by which an editor completes and checks its keys.

A file of `conf/experiment` says only what differs, so nothing in it is required: a node may leave out the
name that a default gives it, and any value may be an interpolation such as ``${task.predictor.steps}``.
"""

import inspect
from collections.abc import Mapping
from typing import Any, cast

from surrogates.core.build import arguments_schema, without_references
from surrogates.core.registry import names, resolve
from surrogates.experiment.config import RunConfig
from surrogates.experiment.pieces import SEVERAL, SUPPLIED
from surrogates.learning.piece import Piece

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PIECES: dict[str, dict[str, str]] = {
    "": {"model": "models"},
    "task": {"transform": "transforms", "head": "heads", "objective": "objectives", "predictor": "predictors"}
    | {key: kind.kind for key, kind in SEVERAL.items()},
    "trainer": {
        "optimiser": "optimisers",
        "schedule": "schedules",
        "callbacks": "callbacks",
        "loggers": "loggers",
    },
}
"""Kind of the pieces that each key names, by section."""
INTERPOLATION = {"type": "string", "pattern": r"^\$\{.+\}$"}
Schema = dict[str, Any]


def experiment_schema() -> Schema:
    """Return the JSON schema of an experiment's file, with the pieces that are installed here."""
    run = without_references(RunConfig.model_json_schema())
    sections = {"": run} | {key: run["properties"][key] for key in PIECES if key}
    for key, section in sections.items():
        for name, kind in PIECES[key].items():
            section["properties"][name] = _of_kind(section["properties"][name], kind)
    stores = run["properties"]["dataset"]
    stores["anyOf"] = [
        {"type": "string"},
        stores["items"],
        _list_of({"anyOf": [{"type": "string"}, stores["items"]]}),
    ]
    stores["anyOf"].append({"type": "null"})
    for key in ("type", "items", "minItems"):
        stores.pop(key, None)
    run["properties"]["init"]["anyOf"].append({"type": "string"})
    partial = cast(Schema, _partial(run))
    kinds = sorted({kind for keys in PIECES.values() for kind in keys.values()})
    return {
        "$schema": DIALECT,
        "title": "Experiment",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "defaults": {"type": "array", "description": "Hydra's list of defaults."},
            **{key: {"$ref": f"#/$defs/run/properties/{key}"} for key in partial["properties"]},
            "sizes": {
                "type": "object",
                "description": "What each size changes, by its name.",
                "additionalProperties": {"$ref": "#/$defs/run"},
            },
            "sweep": {"type": "object", "description": "What `surrogates sweep` searches."},
        },
        "$defs": {"run": partial, "interpolation": INTERPOLATION} | {kind: _pieces(kind) for kind in kinds},
    }


def _of_kind(field: Schema, kind: str) -> Schema:
    """Return the schema of a key that names one piece, or several."""
    node: Schema = {"$ref": f"#/$defs/{kind}"}
    about = {key: field[key] for key in ("description", "default") if key in field}
    return about | ({"anyOf": [_list_of(node), node]} if field.get("type") == "array" else node)


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _pieces(kind: str) -> Schema:
    """Return the schema of a node: one of the registered pieces, or changes of one that a default names."""
    known = {name: _arguments(kind, name) for name in names(kind)}
    keys: Schema = {key: {} for arguments in known.values() for key in arguments["properties"]}
    nameless = {
        "type": "object",
        "not": {"required": ["name"]},
        "properties": keys,
        "additionalProperties": any(each["additionalProperties"] for each in known.values()),
    }
    return {"oneOf": [{"enum": list(known)}, *(_named(name, each) for name, each in known.items()), nameless]}


def _named(name: str, arguments: Schema) -> Schema:
    about = {"name": {"const": name, "description": arguments["description"]}}
    return arguments | {"title": name, "properties": about | arguments["properties"], "required": ["name"]}


def _arguments(kind: str, name: str) -> Schema:
    """Return the schema of the arguments of a piece; open where its optional package is not installed."""
    try:
        constructor = resolve(kind, name)
    except ImportError:
        return {
            "type": "object",
            "description": "Its optional package is not installed here.",
            "properties": {},
            "additionalProperties": True,
        }
    typed = isinstance(constructor, type) and issubclass(constructor, Piece)
    facts = cast(type[Piece], constructor).facts if typed else {}
    supplied = (*SUPPLIED.get(kind, ()), *(("context", *facts) if typed else ()))
    schema = cast(Schema, _partial(arguments_schema(kind, name, supplied)))
    stated = {
        fact: {"type": "number", "description": f"In {about.units}; what the data tell."}
        for fact, about in facts.items()
    }
    return {
        "type": "object",
        "description": " ".join((inspect.getdoc(constructor) or "").split("\n\n", 1)[0].split()),
        "properties": schema.get("properties", {}) | stated,
        "additionalProperties": bool(schema.get("additionalProperties", True)),
    }


def _partial(schema: Any) -> Any:
    """Return a schema in which nothing is required and each value may be an interpolation."""
    if isinstance(schema, list):
        return [_partial(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: _partial(value) for key, value in schema.items() if key != "required"}
    if isinstance(properties := schema.get("properties"), Mapping):
        found["properties"] = {key: _or_interpolation(_partial(value)) for key, value in properties.items()}
    return found


def _or_interpolation(schema: Schema) -> Schema:
    if not schema or (schema.get("type") == "string" and "enum" not in schema):
        return schema
    about = {key: schema[key] for key in ("title", "description", "default") if key in schema}
    rest = {key: value for key, value in schema.items() if key not in about}
    return about | {"anyOf": [rest, {"$ref": "#/$defs/interpolation"}]}
