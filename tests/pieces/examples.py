"""Examples of registered pieces: the arguments of their checks, by domain, kind and name."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from surrogates.core import registry

Given = dict[str, Any]
Example = Callable[[Path], Given]
"""Makes the arguments of a check; the folder is empty."""
VALUES = Path(__file__).parent / "values.json"


def known(**given: Any) -> Example:
    """An example whose arguments are known at once."""
    return lambda folder: given


def example_of(kind: str, name: str) -> Example:
    """The example of a piece: its own, or that of all pieces of its kind in its domain."""
    domain = name.partition("/")[0] if "/" in name else "spine"
    place = f"tests.pieces.{domain}"
    module = import_module(place) if find_spec(place) else None
    own = getattr(module, "EXAMPLES", {}).get(kind, {}).get(name)
    found = own or getattr(module, "EVERY", {}).get(kind)
    if found is None:
        pytest.fail(
            f"there is no example of the {kind.removesuffix('s')} '{name}': add one to EXAMPLES[{kind!r}] in "
            f"{place.replace('.', '/')}.py, a function of an empty folder that returns the arguments of "
            f"surrogates.testing.check_{kind.removesuffix('s')}",
            pytrace=False,
        )
    return found


def pieces(*kinds: str) -> list[Any]:
    """Every registered piece of some kinds."""
    return [(kind, name) for kind in kinds for name in registry.names(kind)]
