"""Hydra's side of a run: configuration files and command line to plain values."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, cast

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.training.config import RunConfig
from surrogates.training.run import merge, resume, start

CONFIG_PATH = "pkg://surrogates.conf"
TOP = (
    "seed",
    "dataset",
    "task",
    "model",
    "trainer",
    "output",
    "init",
    "parts",
    "size",
    "sizes",
    "run",
    "ckpt",
    "experiment",
    "sweep",
)
CONTROL = ("run", "ckpt", "sizes", "sweep")
Answer = TypeVar("Answer")


VALUED = (
    "--config-dir",
    "-cd",
    "--config-name",
    "-cn",
    "--config-path",
    "-cp",
    "--cfg",
    "-c",
    "--package",
    "-p",
)


class _Stop(BaseException):
    """Carries an error through Hydra, which would print it with its own words and leave."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def register() -> None:
    """Put the outline of a run in Hydra's store: parts are open (pydantic checks them), the top is closed."""
    parts = {
        name: DictConfig({}, flags={"struct": False})
        for name in ("task", "model", "trainer", "parts", "sizes", "sweep")
    }
    top: dict[str, Any] = {
        "seed": RunConfig.model_fields["seed"].default,
        "dataset": None,
        "output": RunConfig.model_fields["output"].default,
        "init": None,
        "size": None,
        "run": None,
        "ckpt": None,
    }
    ConfigStore.instance().store(name="outline", node=DictConfig(top | parts))


def main(arguments: Sequence[str]) -> list[Path]:
    """Run what the command line says; several runs with ``-m``.

    Parameters
    ----------
    arguments
        As after ``surrogates train``: ``experiment=... size=... key=value``, and Hydra's own flags.

    Returns
    -------
    list of Path
        Folders of the runs.
    """
    return _composed(arguments, run_composed)


def read(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the plain values of the new run that a command line describes, and start nothing.

    An experiment's ``sweep`` comes along.
    """

    def job(composed: DictConfig) -> dict[str, Any]:
        return {**new_run(composed), "sweep": OmegaConf.to_container(composed.sweep, resolve=True)}

    (values,) = _composed(arguments, job)
    return values


def _composed(arguments: Sequence[str], work: Callable[[DictConfig], Answer]) -> list[Answer]:
    """Return what the work makes of each configuration that a command line describes."""
    register()
    answers: list[Answer] = []

    def job(composed: DictConfig) -> None:
        try:
            answers.append(work(composed))
        except (Exception, KeyboardInterrupt) as error:
            raise _Stop(error) from error

    entry = cast(Callable[[], None], hydra.main(CONFIG_PATH, "config", version_base="1.3")(job))
    with _as_command_line(arguments):
        try:
            entry()
        except _Stop as stop:
            raise stop.error from stop.error.__cause__
        except (HydraException, OmegaConfBaseException) as error:
            raise explain(error) from None
    return answers


def run_composed(composed: DictConfig) -> Path:
    """Start or resume the run of one composed configuration."""
    overrides, choices, changes = _given()
    values = cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True))
    if values["run"]:
        groups = [text for text in overrides if _key(text) in choices]
        if groups:
            raise ConfigError(
                f"{', '.join(groups)}: a resumed run keeps its own parts; change single values only"
            )
        kept = {key: value for key, value in changes.items() if key not in CONTROL}
        return resume(Path(values["run"]), values["ckpt"] or "last", kept)
    if values["ckpt"]:
        raise ConfigError("ckpt= needs run=DIR, the folder of the run to go on with")
    return start(new_run(composed))


def new_run(composed: DictConfig) -> dict[str, Any]:
    """Return the plain values of the new run of one composed configuration."""
    overrides, choices, changes = _given()
    values = cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True))
    values["experiment"] = choices.get("experiment") or "run"
    values = with_size(values, changes)
    if any(_key(text) == "model" for text in overrides) and "name" not in changes.get("model", {}):
        _require_chosen_model(values, choices["model"])
    return values


def _require_chosen_model(values: Mapping[str, Any], choice: str) -> None:
    """Refuse a model of the command line that an experiment, which is composed later, has replaced."""
    loader = cast(Any, GlobalHydra.instance().config_loader())
    wanted, found = (
        loader.repository.load_config(f"model/{choice}").config.get("name"),
        values["model"]["name"],
    )
    if wanted != found:
        raise ConfigError(
            f"model={choice} would have no effect: the experiment '{values['experiment']}' itself names the "
            f"model '{found}'. Say model.name={wanted}; its other arguments stay as the experiment has them."
        )


def _given() -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    """Return the words of the command line, the chosen parts, and the values that the words set."""
    hydra_config = HydraConfig.get()
    overrides = list(hydra_config.overrides.task)
    choices = dict(hydra_config.runtime.choices)
    return overrides, choices, given_values(overrides, choices)


def with_size(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Put in what the experiment says of the chosen size, then once more what the command line says.

    Parameters
    ----------
    values
        Composed values, with ``size`` and the mapping ``sizes``.
    changes
        Values given on the command line, which win.
    """
    sizes = values.get("sizes") or {}
    name = values.get("size")
    plain = {key: value for key, value in values.items() if key not in CONTROL}
    if name is None:
        return plain
    if name not in sizes:
        raise ConfigError(f"no size '{name}'.{nearest(name, sizes)} This experiment has: {listing(sizes)}.")
    kept = {key: value for key, value in changes.items() if key not in CONTROL}
    return merge(merge(plain, sizes[name]), kept)


def given_values(overrides: Sequence[str], choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values that command-line overrides set, without choices of groups."""
    found = OmegaConf.create({})
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        if override.key_or_group not in choices and not override.is_delete():
            OmegaConf.update(found, override.key_or_group, override.value(), merge=True, force_add=True)
    return cast(dict[str, Any], OmegaConf.to_container(found, resolve=False))


def flags_first(arguments: Sequence[str]) -> list[str]:
    """Put flags before ``key=value``: Hydra's parser refuses them in between."""
    flags: list[str] = []
    values: list[str] = []
    following = iter(arguments)
    for argument in following:
        if not argument.startswith("-"):
            values.append(argument)
            continue
        flags.append(argument)
        if argument in VALUED:
            flags += [value for value in [next(following, None)] if value is not None]
    return [*flags, *values]


def explain(error: Exception) -> ConfigError:
    """Turn Hydra's words into ours: the key that is wrong, and the nearest that exists."""
    text = str(error).strip()
    unknown = re.search(r"Could not override '([^']+)'|Key '([^']+)' is not in struct", text)
    if isinstance(error, ConfigCompositionException) and unknown:
        key = unknown.group(1) or unknown.group(2)
        return ConfigError(f"unknown key '{key}'.{nearest(key, TOP)} Valid keys: {listing(TOP)}")
    missing = error.missing_cfg_file if isinstance(error, MissingConfigException) else None
    if missing and "/" in missing:
        group, _, name = missing.partition("/")
        choices = _shipped(group)
        return ConfigError(
            f"no {group} '{name}'.{nearest(name, choices)} There are: {listing(choices)}; "
            f"your own come in with --config-dir DIR (DIR/{group}/{name}.yaml)"
        )
    return ConfigError(" ".join(text.split()))


def _shipped(group: str) -> list[str]:
    """Return the choices of a part that come with the package."""
    folder = Path(str(files("surrogates.conf"))) / group
    return [str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml")]


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


@contextmanager
def _as_command_line(arguments: Sequence[str]) -> Iterator[None]:
    """Let Hydra see the arguments as its command line, and let its errors come through."""
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["surrogates train", *flags_first(arguments)]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full
