"""Base class of every kind of piece: how it is built and what it may declare."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import FunctionType
from typing import Any, ClassVar, Self, cast

import numpy as np

from surrogates.core import build as plain
from surrogates.core.errors import ConfigError
from surrogates.core.registry import resolve
from surrogates.core.text import listing, nearest
from surrogates.learning.context import Context, Fact, facts_of
from surrogates.learning.directions import is_direction

OF_INPUTS = frozenset({"transforms", "objectives", "predictors", "baselines"})
"""Kinds of pieces that are handed the inputs and the targets of a task."""
OF_TARGETS = frozenset({"heads", "metrics", "plots"})
"""Kinds that are handed only its targets; all others read only the variables that they name."""
METHODS = (FunctionType, property, cached_property, classmethod, staticmethod, type)


class Piece:
    """A registered piece; each kind is a subclass, whose class attributes a piece may set.

    A constructor takes `context`, the facts that its class names, each by its own name or all of them as the
    mapping `facts`, and the arguments of its node, each only if it has a parameter of that name.

    Attributes
    ----------
    kind
        Name of the registry.
    variables
        Variables of a batch that it needs beside the task's inputs and targets.
    facts
        Numbers that the data tell, by the name of the constructor's parameter. A node may state one: it has
        to agree with the data, or to fill in what they do not tell.
    takes_complex
        Whether it takes complex variables; any other piece refuses them in one line.
    takes_directions
        Whether it takes directions (`surrogates.learning.directions`). Others refuse them in one line, but
        metrics, which leave out targets that are directions, and plots.
    """

    kind: ClassVar[str]
    variables: Sequence[str] = ()
    facts: ClassVar[Mapping[str, Fact]] = {}
    takes_complex: bool = False
    takes_directions: bool = False

    @classmethod
    def build(cls, node: Mapping[str, Any], context: Context, **supplied: object) -> Self:
        """Build the piece that a node names.

        Parameters
        ----------
        node
            ``{name: registered name, **arguments}``.
        context
            Of the data.
        **supplied
            More arguments that the program gives.

        Raises
        ------
        ConfigError
            For an unknown name or argument, a fact that contradicts the data or is not there, an object of
            another kind, and for an attribute that no piece of the kind has.
        """
        name, arguments, facts = cls._split(node)
        where = f"{cls.kind.removesuffix('s')} '{name}'"
        stated = {key: arguments.pop(key) for key in facts if key in arguments}
        values = facts_of(facts, context, stated, where)
        given = {"name": name, **arguments}
        piece = plain.build(cls.kind, given, context=context, facts=values, **supplied, **values)
        if not isinstance(piece, cls):
            raise ConfigError(
                f"{where} is a {type(piece).__name__}; expected a subclass of {cls.__module__}.{cls.__name__}"
            )
        _refuse_unknown(piece, cls, where)
        if not piece.takes_complex:
            _refuse_complex(piece, context, where)
        if not piece.takes_directions:
            _refuse_directions(piece, context, where)
        return piece

    @classmethod
    def build_named(
        cls, nodes: Sequence[Mapping[str, Any]], context: Context, **supplied: object
    ) -> dict[str, Self]:
        """Build several pieces, by name; arguments follow a name that is repeated."""
        names = plain.distinct_names(cls.kind, nodes)
        return {name: cls.build(node, context, **supplied) for name, node in zip(names, nodes, strict=True)}

    @classmethod
    def resolved(cls, node: Mapping[str, Any], *supplied: str) -> dict[str, Any]:
        """Return the node with every default filled in, as plain JSON values; stated facts stay.

        Parameters
        ----------
        node
            As for `build`.
        *supplied
            Names of the arguments that the program gives.
        """
        name, arguments, facts = cls._split(node)
        stated = {key: arguments.pop(key) for key in facts if key in arguments}
        context = dict.fromkeys(("context", "facts", *facts, *supplied))
        return plain.resolved(cls.kind, {"name": name, **arguments}, **context) | stated

    @classmethod
    def fact_names(cls, node: Mapping[str, Any]) -> list[str]:
        """Return the names of the facts that the piece of a node reads."""
        return list(cls._split(node)[2])

    @classmethod
    def facts_of(cls, node: Mapping[str, Any], context: Context) -> dict[str, tuple[Fact, float]]:
        """Return the facts that the piece of a node reads, with their values."""
        name, arguments, facts = cls._split(node)
        values = facts_of(facts, context, arguments, f"{cls.kind.removesuffix('s')} '{name}'")
        return {key: (fact, values[key]) for key, fact in facts.items()}

    @classmethod
    def _split(cls, node: Mapping[str, Any]) -> tuple[str, dict[str, Any], Mapping[str, Fact]]:
        name, arguments = plain.split_node(cls.kind, node)
        constructor = resolve(cls.kind, name)
        typed = isinstance(constructor, type) and issubclass(constructor, Piece)
        return name, arguments, cast(type[Piece], constructor).facts if typed else {}


def _refuse_complex(piece: Piece, context: Context, where: str) -> None:
    """Refuse complex variables that a piece for real numbers would read."""
    inputs = context.inputs if piece.kind in OF_INPUTS else ()
    targets = context.targets if piece.kind in OF_INPUTS | OF_TARGETS else ()
    named = [context.specs[name] for name in piece.variables if name in context.specs]
    for spec in (*inputs, *targets, *named):
        if np.dtype(spec.dtype).kind == "c":
            raise ConfigError(
                f"{where} takes real numbers, but '{spec.name}' is {spec.dtype}; take a "
                f"{piece.kind.removesuffix('s')} for complex ones, or store the parts as two variables"
            )


def _refuse_directions(piece: Piece, context: Context, where: str) -> None:
    """Refuse directions that a piece would take for numbers on a line."""
    inputs = context.inputs if piece.kind in OF_INPUTS else ()
    targets = context.targets if piece.kind in OF_INPUTS | {"heads"} else ()
    for spec in (*inputs, *targets):
        if is_direction(spec):
            raise ConfigError(
                f"{where} takes numbers on a line, but '{spec.name}' is a direction, of which a full turn is "
                f"the neighbour of zero; take a {piece.kind.removesuffix('s')} for directions"
            )


def _refuse_unknown(piece: Piece, kind: type[Piece], where: str) -> None:
    """Refuse a public attribute of the class that the kind does not know, and misspelt ones of the object."""
    known = {name for name in dir(kind) if not name.startswith("_")} | _annotated(kind)
    parameters = plain.parameter_names(type(piece))
    for name in _class_attributes(type(piece), kind):
        if name not in known | parameters:
            raise ConfigError(
                f"{where} says '{name}' of itself, which no {kind.__name__.lower()} does."
                f"{nearest(name, known)} It may say {listing(_capabilities(kind))}; begin a name of your own "
                "with an underscore"
            )
    for name in vars(piece):
        like = nearest(name, _capabilities(kind), cutoff=0.9)
        if not name.startswith("_") and name not in known | parameters and like:
            raise ConfigError(
                f"{where} has the attribute '{name}'.{like} Rename it if it means another thing."
            )


def _class_attributes(constructor: type, kind: type) -> list[str]:
    """Return the public data attributes that classes of a piece declare below the kind's base class."""
    own = [each for each in constructor.__mro__ if issubclass(each, kind) and each is not kind]
    return [
        name
        for each in own
        for name, value in vars(each).items()
        if not (name.startswith("_") or name.isupper() or isinstance(value, METHODS))
    ]


def _annotated(kind: type) -> set[str]:
    return {name for each in kind.__mro__ for name in vars(each).get("__annotations__", {})}


def _capabilities(kind: type[Piece]) -> list[str]:
    """Return the names of the attributes that a piece of a kind may set."""
    pieces = [each for each in kind.__mro__ if issubclass(each, Piece)]
    return sorted({name for each in pieces for name in vars(each).get("__annotations__", {})} - {"kind"})
