"""What a sweep varies: ``key=log(1e-4,1e-2)`` on the command line, or the same texts under ``sweep:``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from surrogates.core.errors import ConfigError
from surrogates.core.text import nearest, split_list
from surrogates.runs.paths import is_path

if TYPE_CHECKING:
    from optuna import Trial

KINDS = {
    "log": "log(LOW,HIGH): a number, evenly in its logarithm",
    "uniform": "uniform(LOW,HIGH): a number, evenly",
    "int": "int(LOW,HIGH): a whole number, both ends included",
    "choice": "choice(A,B,...): one of these",
}
CASTS = ("int", "float", "str", "bool", "json_str", "extend_list")  # Hydra's own functions of one value
_CALL = re.compile(r"^\s*(\w+)\((.*)\)\s*$", re.DOTALL)


@dataclass(frozen=True)
class Parameter:
    """One key and the values it may take.

    Attributes
    ----------
    key
        Key of the configuration.
    kind
        One of `KINDS`.
    bounds
        Both ends of a number, else empty.
    choices
        Values to choose from, as text, else empty.
    """

    key: str
    kind: Literal["log", "uniform", "int", "choice"]
    bounds: tuple[float, float] = (0.0, 0.0)
    choices: tuple[str, ...] = ()

    def suggest(self, trial: "Trial") -> str:
        """Return a value of a trial as the text of an override."""
        low, high = self.bounds
        if self.kind == "choice":
            return str(trial.suggest_categorical(self.key, self.choices))
        if self.kind == "int":
            return str(trial.suggest_int(self.key, int(low), int(high)))
        return f"{trial.suggest_float(self.key, low, high, log=self.kind == 'log'):.4g}"

    def ends(self) -> tuple[str, ...]:
        """Return the values checked before the first trial, as text: both ends, or every choice."""
        return self.choices or tuple(
            f"{end:.4g}" if self.kind != "int" else str(int(end)) for end in self.bounds
        )


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], dict[str, Parameter]]:
    """Split a command line into the arguments of every trial and the parameters of the sweep."""
    fixed, space = [], {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        parameter = parameter_of(key, text) if equals and not argument.startswith("-") else None
        if parameter is None:
            fixed.append(argument)
        else:
            space[key] = parameter
    return fixed, space


def space_of(node: Mapping[str, Any]) -> dict[str, Parameter]:
    """Return the parameters of an experiment's ``sweep:``; a list stands for a choice."""
    space = {}
    for key, value in node.items():
        text = f"choice({','.join(map(str, value))})" if isinstance(value, list) else str(value)
        parameter = parameter_of(key, text)
        if parameter is None:
            raise ConfigError(f"sweep: {key} is {text!r}, one value; expected {'; '.join(KINDS.values())}")
        space[key] = parameter
    return space


def parameter_of(key: str, text: str) -> Parameter | None:
    """Return the parameter that ``key=text`` describes, or None if it is one plain value.

    Raises
    ------
    ConfigError
        For an unknown name before the bracket, and for bounds that are none.
    """
    call = _CALL.match(text)
    if call is None or (is_path(key) and call[1] != "choice"):
        return None
    kind, values = call[1], split_list(call[2])
    if kind in CASTS and not (kind == "int" and len(values) == 2):
        return None
    if kind not in KINDS:
        raise ConfigError(
            f"{key}={text}: a sweep knows no '{kind}'.{nearest(kind, KINDS)} It has "
            f"{'; '.join(KINDS.values())}"
        )
    if kind == "choice":
        if len(values) < 2 or len(set(values)) < len(values) or not all(values):
            raise ConfigError(f"{key}={text}: a choice needs two or more values, all different")
        return Parameter(key, "choice", choices=tuple(values))
    return Parameter(key, kind, bounds=_bounds(key, text, kind, values))  # type: ignore[arg-type]


def _bounds(key: str, text: str, kind: str, values: Sequence[str]) -> tuple[float, float]:
    try:
        low, high = (float(value) for value in values)
    except ValueError:
        raise ConfigError(
            f"{key}={text}: expected {KINDS[kind].partition(':')[0]} with two numbers"
        ) from None
    if not (isfinite(low) and isfinite(high)):
        raise ConfigError(f"{key}={text}: expected two finite numbers")
    if not low < high:
        raise ConfigError(f"{key}={text}: the first number must be smaller than the second")
    if kind == "log" and low <= 0:
        raise ConfigError(f"{key}={text}: both numbers of log(LOW,HIGH) must be positive")
    if kind == "int" and not (low.is_integer() and high.is_integer()):
        raise ConfigError(f"{key}={text}: both numbers of int(LOW,HIGH) must be whole")
    return low, high
