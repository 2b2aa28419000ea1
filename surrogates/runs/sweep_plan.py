"""The definition of a sweep, and its file in the sweep's folder."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.core.plain import read_yaml_file
from surrogates.core.text import listing, require_keys_once
from surrogates.runs.compose import read
from surrogates.runs.space import Parameter, parameter_of, space_of, split_arguments

LOSS = "loss"
PLAN = "sweep.yaml"


class Written(BaseModel):
    """A plan as the folder of a sweep keeps it."""

    model_config = ConfigDict(extra="forbid")

    words: list[str]
    space: dict[str, str]
    metric: str
    seed: int


@dataclass(frozen=True)
class Plan:
    """The definition of a sweep; written into its folder.

    Attributes
    ----------
    arguments
        Command line of every trial, without what varies.
    space
        What varies.
    metric
        ``loss``, the validation loss of the weights that are kept, or a metric of the validation split.
    seed
        Seed of the proposals.
    """

    arguments: list[str]
    space: dict[str, Parameter]
    metric: str = LOSS
    seed: int = 0

    @classmethod
    def of(cls, arguments: Sequence[str], metric: str = LOSS, seed: int = 0) -> "Plan":
        """Read a command line, and the ``sweep:`` of its experiment."""
        require_keys_once(arguments)
        fixed, given = split_arguments(arguments)
        if many := [
            each for each in fixed if each in ("-m", "--multirun") or each.startswith(("run=", "ckpt="))
        ]:
            raise ConfigError(f"{listing(many)}: a sweep starts runs of its own; leave it out")
        kept = {each.lstrip("+").partition("=")[0] for each in fixed}
        own = space_of(read(fixed)["sweep"])
        space = {key: parameter for key, parameter in own.items() if key not in kept} | given
        if not space:
            raise ConfigError(
                "nothing varies; give e.g. 'trainer.optimiser.lr=log(1e-4,1e-2)', or a `sweep:` in the "
                "experiment"
            )
        return cls(list(fixed), space, metric, seed)

    def command(self, settings: Mapping[str, str]) -> list[str]:
        """Return the arguments of one trial."""
        return [*self.arguments, *(f"{key}={value}" for key, value in settings.items())]


def best_command(plan: Plan, settings: Mapping[str, str]) -> str:
    """Return the command that trains with these values."""
    return f"surrogates train {shlex.join(plan.command(settings))}"


def read_plan(folder: Path) -> Plan:
    """Return the plan of a sweep's folder."""
    path = folder / PLAN
    if not path.is_file():
        raise ConfigError(f"{folder} is no sweep: it has no {PLAN}; give what to try, e.g. experiment=...")
    values = validate(Written, read_yaml_file(path), str(path))
    space = {key: parameter_of(key, text) for key, text in values.space.items()}
    return Plan(values.words, {k: p for k, p in space.items() if p}, values.metric, values.seed)


def write_plan(folder: Path, plan: Plan) -> None:
    """Write a plan into its folder.

    Raises
    ------
    ConfigError
        When the folder holds another one.
    """
    if (folder / PLAN).is_file() and read_plan(folder) != plan:
        raise ConfigError(
            f"{folder} holds another sweep ({folder / PLAN}); resume it by --folder only, or choose "
            "another folder"
        )
    space = {key: _text(parameter) for key, parameter in plan.space.items()}
    text = yaml.safe_dump(
        {"words": plan.arguments, "space": space, "metric": plan.metric, "seed": plan.seed}, sort_keys=False
    )
    write_atomic(folder / PLAN, text)


def _text(parameter: Parameter) -> str:
    inside = parameter.choices or (repr(each) for each in parameter.bounds)
    return f"{parameter.kind}({','.join(inside)})"
