"""Build a registered piece from a configuration node ``{name: ..., **arguments}``.

The signature of the constructor is schema and default at once: a pydantic model made of it converts the
values, refuses unknown keys, and gives back the node with all its defaults for the record.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from surrogates.core.errors import ConfigError
from surrogates.core.registry import current_name, resolve
from surrogates.core.registry import names as registered
from surrogates.core.text import brief, listing, nearest

MOST_FAULTS = 10
SHOULD = "Input should be "
"""How pydantic begins what a value should be."""
Model = TypeVar("Model", bound=BaseModel)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def build(kind: str, node: Mapping[str, Any], **context: object) -> Any:
    """Build the piece that a node names.

    Parameters
    ----------
    kind
        Registry, ``"models"`` and so on.
    node
        ``{"name": registered name, **arguments}``.
    **context
        Arguments that the program supplies, such as ``in_channels``; each is passed only to a constructor
        that takes it, and a node may not set it.

    Raises
    ------
    ConfigError
        For an unknown name or argument (with the nearest one), a wrong value, or a missing argument.
    """
    name, arguments = split_node(kind, node)
    constructor = resolve(kind, name)
    if not callable(constructor):
        return _constant(kind, name, constructor, arguments)
    where = f"{kind.removesuffix('s')} '{name}'"
    if _is_model(constructor):
        return validate(cast(type[BaseModel], constructor), arguments, where)
    checked = _checked(constructor, arguments, tuple(sorted(context)), where, required=True)
    given = {key: getattr(checked, key) for key in type(checked).model_fields} | (checked.model_extra or {})
    accepted = {key: value for key, value in context.items() if key in _parameters(constructor)}
    return constructor(**given, **accepted)


def resolved(kind: str, node: Mapping[str, Any], **context: object) -> dict[str, Any]:
    """Return the node with every default filled in, as plain JSON values.

    Arguments in ``context``, and required ones that the node leaves to the program, are left out.
    """
    name, arguments = split_node(kind, node)
    constructor = resolve(kind, name)
    if not callable(constructor):
        _constant(kind, name, constructor, arguments)
        return {"name": name}
    where = f"{kind.removesuffix('s')} '{name}'"
    if _is_model(constructor):
        model = validate(cast(type[BaseModel], constructor), arguments, where)
        return {"name": name, **model.model_dump(mode="json")}
    checked = _checked(constructor, arguments, tuple(sorted(context)), where, required=False)
    given = {key for key in type(checked).model_fields if hasattr(checked, key)}
    given |= set(checked.model_extra or {})
    return {"name": name, **checked.model_dump(mode="json", include=given)}


def arguments_schema(kind: str, name: str, supplied: Sequence[str]) -> dict[str, Any]:
    """Return the JSON schema of the arguments that a node may give to a piece.

    Parameters
    ----------
    kind, name
        The piece.
    supplied
        Arguments that the program gives, which a node may not.

    Returns
    -------
    dict
        Of an object, without references; what JSON cannot describe is left open.
    """
    constructor = resolve(kind, name)
    if not callable(constructor):
        return {"type": "object", "properties": {}, "additionalProperties": False}
    if _is_model(constructor):
        model = cast(type[BaseModel], constructor)
    else:
        model = _signature_model(constructor, tuple(sorted(supplied)))
    return without_references(model.model_json_schema(schema_generator=_OpenSchema))


class _OpenSchema(GenerateJsonSchema):
    """A schema in which a type that JSON lacks may be anything."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012  (as pydantic declares it)
        "non-serializable-default",
        "skipped-choice",
    }

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        return {}


def without_references(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema with what its references name in their places; none may lead back to itself."""
    definitions = schema.get("$defs", {})

    def replaced(part: Any) -> Any:
        if isinstance(part, list):
            return [replaced(each) for each in part]
        if not isinstance(part, dict):
            return part
        rest = {key: replaced(value) for key, value in part.items() if key not in ("$ref", "$defs")}
        return {**replaced(definitions[part["$ref"].rpartition("/")[2]]), **rest} if "$ref" in part else rest

    return cast(dict[str, Any], replaced(schema))


def distinct_names(kind: str, nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a distinct name for each node; arguments follow a registered name that is repeated.

    Raises
    ------
    ConfigError
        When two nodes are the same.
    """
    names = [split_node(kind, node)[0] for node in nodes]
    distinct: list[str] = []
    for node in nodes:
        name, arguments = split_node(kind, node)
        if names.count(name) > 1 and arguments:
            name += " (" + ", ".join(f"{key}={value}" for key, value in arguments.items()) + ")"
        if name in distinct:
            raise ConfigError(f"{kind}: '{name}' stands twice; name it once or give other arguments.")
        distinct.append(name)
    return distinct


def parameter_names(constructor: Callable[..., object]) -> set[str]:
    """Return the names of the parameters of a constructor."""
    return set(_parameters(constructor))


def split_node(kind: str, node: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Split a node into its name and its arguments."""
    if isinstance(node, str):
        return current_name(kind, node), {}
    if not isinstance(node, Mapping) or not isinstance(node.get("name"), str):
        raise ConfigError(
            f"{kind.removesuffix('s')}: expected 'name: ...' and its arguments, found {brief(repr(node))}. "
            f"Registered {kind}: {listing(registered(kind))}."
        )
    return current_name(kind, node["name"]), {key: value for key, value in node.items() if key != "name"}


def validate(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """Return ``model`` made of ``data``, or one `ConfigError` that names every fault.

    Parameters
    ----------
    model
        A pydantic model; with ``extra="forbid"`` an unknown key is answered with the nearest valid one.
    data
        Plain values.
    where
        What is being configured, for the message.
    """
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise ConfigError(_explain(error, model, where, data)) from None


def _is_model(constructor: object) -> bool:
    return isinstance(constructor, type) and issubclass(constructor, BaseModel)


def _constant(kind: str, name: str, value: object, arguments: Mapping[str, Any]) -> object:
    if arguments:
        what = f"{kind.removesuffix('s')} '{name}'"
        raise ConfigError(f"{what} takes no arguments, but got {listing(arguments)}.")
    return value


@cache
def _parameters(constructor: Callable[..., object]) -> dict[str, inspect.Parameter]:
    signature = inspect.signature(constructor, eval_str=True)
    return {name: p for name, p in signature.parameters.items() if p.kind in _NAMED}


@cache
def _signature_model(constructor: Callable[..., object], context: tuple[str, ...]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (
            Any if parameter.annotation is inspect.Parameter.empty else parameter.annotation,
            ... if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for name, parameter in _parameters(constructor).items()
        if name not in context
    }
    open_ended = any(
        p.kind is inspect.Parameter.VAR_KEYWORD for p in inspect.signature(constructor).parameters.values()
    )
    config = ConfigDict(
        extra="allow" if open_ended else "forbid", arbitrary_types_allowed=True, protected_namespaces=()
    )
    return create_model(getattr(constructor, "__name__", "Arguments"), __config__=config, **fields)


def _checked(
    constructor: Callable[..., object],
    arguments: Mapping[str, Any],
    context: tuple[str, ...],
    where: str,
    *,
    required: bool,
) -> BaseModel:
    model = _signature_model(constructor, context)
    supplied = set(context) & set(arguments) & set(_parameters(constructor))
    if supplied:
        raise ConfigError(f"{where}: {listing(supplied)} follows from the data; remove it from the node.")
    try:
        return model.model_validate(dict(arguments))
    except ValidationError as error:
        faults = error.errors()
        if required or any(fault["type"] != "missing" for fault in faults):
            raise ConfigError(_explain(error, model, where, arguments)) from None
        return model.model_construct(**arguments)


def _explain(error: ValidationError, model: type[BaseModel], where: str, given: Mapping[str, Any]) -> str:
    alternatives: dict[str, list[Any]] = {}
    told: list[str] = []
    for fault in error.errors():
        if not fault["msg"].startswith(SHOULD):
            told.append(_explain_one(fault, model))
            continue
        path = _path_in(given, fault["loc"])
        if path not in alternatives:
            told.append(path)
        alternatives.setdefault(path, []).append(fault)
    told = [_explain_values(each, alternatives[each]) if each in alternatives else each for each in told]
    more = [f"{len(told) - MOST_FAULTS} more"] if len(told) > MOST_FAULTS else []
    return f"{where}: " + "; ".join([*told[:MOST_FAULTS], *more])


def _path_in(given: Any, location: Sequence[int | str]) -> str:
    """Return where a value is in plain ones, without the names that pydantic gives alternatives of a type."""
    path = []
    for each in location:
        try:
            given = given[each]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(str(each))
    return ".".join(path or map(str, location))


def _explain_values(path: str, faults: Sequence[Any]) -> str:
    """Return what a value should be by one of the alternatives of its type."""
    wanted = " or ".join(dict.fromkeys(fault["msg"].removeprefix(SHOULD) for fault in faults))
    return f"'{path}' should be {wanted}, found {brief(repr(faults[0]['input']))}"


def _explain_one(fault: Any, model: type[BaseModel]) -> str:
    *parents, last = fault["loc"] or ("value",)
    path = ".".join(str(each) for each in fault["loc"])
    if fault["type"] == "extra_forbidden":
        choices = _keys_at(model, parents)
        return f"unknown key '{path}'.{nearest(str(last), choices)} Valid keys: {listing(choices)}"
    if fault["type"] == "missing":
        return f"'{path}' is required and has no default"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error":
        return f"'{path}': {message}" if path else message
    return f"'{path}': {message[0].lower()}{message[1:]}, found {brief(repr(fault['input']))}"


def _keys_at(model: type[BaseModel], parents: list[Any]) -> list[str]:
    """Return the field names of the model nested in ``model`` at the path ``parents``."""
    for each in parents:
        if isinstance(each, str) and each in model.model_fields:
            inner = _model_in(model.model_fields[each].annotation)
            if inner is None:
                return []
            model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if _is_model(annotation):
        return cast(type[BaseModel], annotation)
    for argument in getattr(annotation, "__args__", ()):
        if (inner := _model_in(argument)) is not None:
            return inner
    return None
