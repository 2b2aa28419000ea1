"""Every number that a registered piece takes states its range, so that none of a stranger's is tried out."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from surrogates.core import registry
from surrogates.core.build import arguments_schema
from surrogates.learning.pipeline import HEAD_ARGUMENTS, NETWORK_ARGUMENTS

KINDS = (
    "models",
    "transforms",
    "heads",
    "predictors",
    "objectives",
    "metrics",
    "baselines",
    "optimisers",
    "executors",
)
IN_BUNDLES = ("models", "transforms", "heads", "predictors")
SUPPLIED = {*NETWORK_ARGUMENTS, "cell", "receiver_height", "facts"}
"""What the program gives, which a node may not."""
ANY = {"levels", "weights", "minimum", "maximum", "weakest"}
"""What the constructor checks itself, and values in the units of the data, of which none is too large."""
PIECES = [(kind, name) for kind in KINDS for name in registry.names(kind)]


@pytest.mark.parametrize(("kind", "name"), PIECES)
def test_a_number_states_its_range(kind, name):
    constructor = registry.resolve(kind, name)
    if not callable(constructor):
        pytest.skip("a constant takes no arguments")
    bare = [
        f"{key}: {parameter.annotation}"
        for key, parameter in inspect.signature(constructor, eval_str=True).parameters.items()
        if key not in SUPPLIED | ANY and parameter.annotation in (int, float, int | None, float | None)
    ]
    assert bare == []


def endless(schema: Any, where: str) -> Iterator[str]:
    """Yield the integers without a largest value, and the lists of numbers without a largest length."""
    if isinstance(schema, list):
        for each in schema:
            yield from endless(each, where)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "integer" and not {"maximum", "exclusiveMaximum"} & schema.keys():
        yield f"{where}: integer"
    numbers = str(schema.get("items", "")).count("'integer'") + str(schema.get("items", "")).count("'number'")
    if schema.get("type") == "array" and "maxItems" not in schema and numbers:
        yield f"{where}: list"
    for each in schema.values():
        yield from endless(each, where)


@pytest.mark.parametrize(("kind", "name"), [each for each in PIECES if each[0] in IN_BUNDLES])
def test_what_a_bundle_may_name_grows_to_no_size(kind, name):
    supplied = [*NETWORK_ARGUMENTS, *HEAD_ARGUMENTS, *SUPPLIED, "context"]
    properties = arguments_schema(kind, name, supplied)["properties"]
    assert [each for key, schema in properties.items() for each in endless(schema, key)] == []
