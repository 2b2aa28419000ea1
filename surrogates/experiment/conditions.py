"""The conditions of a configuration: which preparation each replaces or follows, and what it is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surrogates.core.build import split_node
from surrogates.core.errors import ConfigError

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Planned:
    """A condition before it is built.

    Attributes
    ----------
    name
        The preparation with the arguments that the condition gives.
    position
        Number of the preparation that it replaces, or the number of all if it follows them.
    node
        The preparation to build.
    """

    name: str
    position: int
    node: Node


def planned_conditions(preparations: Sequence[Node], conditions: Sequence[Node]) -> list[Planned]:
    """Return where each condition stands among the preparations.

    A condition with the name of one of the preparations replaces it and keeps the arguments that it does not
    give itself; any other follows after all preparations.

    Raises
    ------
    ConfigError
        For two conditions alike, or one that could replace several preparations.
    """
    names = [split_node("preparations", node)[0] for node in preparations]
    planned: dict[str, Planned] = {}
    for node in conditions:
        name, arguments = split_node("preparations", node)
        if names.count(name) > 1:
            raise ConfigError(
                f"task.conditions: '{name}' stands {names.count(name)} times in task.preparations, and it "
                "is not clear which one the condition replaces; keep one of them"
            )
        position = names.index(name) if name in names else len(names)
        base = dict(preparations[position]) if name in names else {}
        label = ", ".join([name, *(f"{key} {_text(value)}" for key, value in arguments.items())])
        if label in planned:
            raise ConfigError(f"task.conditions: '{label}' stands there twice; keep one")
        planned[label] = Planned(label, position, {**base, **arguments, "name": name})
    return list(planned.values())


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return str(value)
