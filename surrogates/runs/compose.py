"""Compose configuration files and command line into plain values, by Hydra."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from hydra import compose, initialize_config_dir, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.core.registry import names
from surrogates.core.text import listing, nearest, require_keys_once
from surrogates.experiment.config import RunConfig
from surrogates.experiment.pieces import with_defaults
from surrogates.runs.explained import explain
from surrogates.runs.folder import merge, require_typed
from surrogates.runs.multirun import flags_of, multirun, show
from surrogates.runs.paths import literal, readable, run_folder, unescaped

CONFIG_MODULE = "surrogates.conf"
CONTROL = ("run", "ckpt", "sizes", "sweep")
Answer = TypeVar("Answer")
_RANGE = re.compile(r"(log|uniform|int)\([^,]*,.*\)")
_HEARD = ("hydra.searchpath",)
"""Keys of Hydra's own that one run hears; with ``-m`` its sweepers and launchers hear theirs."""


def register() -> None:
    """Register the default configuration of a run and the choices of `model` with Hydra.

    Sections are open, since pydantic checks them; the top level is closed. Each registered model is a choice.
    """
    sections = {
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
    store = ConfigStore.instance()
    store.store(name="outline", node=DictConfig(top | sections))
    for name in names("models"):
        folder, _, last = f"model/{name}".rpartition("/")
        store.store(group=folder, name=last, package="model", node=DictConfig({"name": name}))


def main(arguments: Sequence[str]) -> list[Path]:
    """Train the run of a command line, or several with ``-m``.

    Parameters
    ----------
    arguments
        As after ``surrogates train``: ``experiment=... size=... key=value``, and Hydra's own flags.

    Returns
    -------
    list of Path
        Folders of the runs.
    """
    register()
    flags, overrides = flags_of(arguments)
    _require_heard(overrides, many=flags.multirun)
    if flags.shows:
        show([readable(each) for each in arguments])
        return []
    if not flags.multirun:
        return [composed(arguments, run_composed)]
    arguments = [readable(each, many=True) for each in arguments]
    overrides = flags_of(arguments)[1]
    with _explained():
        given = OverridesParser.create().parse_overrides(overrides)
    for override in given:
        if override.is_sweep_override() and not override.is_choice_sweep() and not override.is_range_sweep():
            raise ConfigError(
                f"{override.input_line}: -m takes a list or a range; `surrogates sweep` the rest"
            )
    output = Path()
    for overrides in _each_value(given):  # so that errors come before the first run
        output = _composed([*flags.kept, *overrides], _checked)
    return [Path(folder) for folder in multirun(arguments, output, run_composed)]


def _require_heard(overrides: Sequence[str], *, many: bool) -> None:
    """Refuse overrides of which Hydra would take one of two, none, or a search for a value."""
    require_keys_once(overrides)
    for each in overrides:
        key, _, value = each.lstrip("+~").partition("=")
        if not key:
            raise ConfigError(f"found '{each}', expected key=value, such as trainer.max_steps=100")
        if _RANGE.fullmatch(value):
            raise ConfigError(f"{each}: `surrogates sweep` searches a range; give one value here")
        if key.startswith("hydra.run.") or (key.startswith("hydra.") and key not in _HEARD and not many):
            raise ConfigError(
                f"{each}: nothing hears this key; leave it out (output=DIR says where the folders of runs go)"
            )


def _checked(config: DictConfig) -> Path:
    """Check the values of one run of several, and return the folder of all."""
    if not config.run:
        with_defaults(validate(RunConfig, new_run(config), "configuration"))
    return run_folder(config.output)


def read(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the plain values of the new run of a command line; start nothing.

    An experiment's ``sweep`` comes along.
    """

    def values(config: DictConfig) -> dict[str, Any]:
        return {**new_run(config), "sweep": OmegaConf.to_container(config.sweep, resolve=True)}

    return composed(arguments, values)


def composed(arguments: Sequence[str], work: Callable[[DictConfig], Answer]) -> Answer:
    """Compose the configuration of a command line and return `work(config)`."""
    return _composed([readable(each) for each in arguments], work)


def _composed(arguments: Sequence[str], work: Callable[[DictConfig], Answer]) -> Answer:
    """Compose a command line that Hydra can read."""
    register()
    flags, overrides = flags_of(arguments)
    folders = [Path(each).absolute() for each in flags.folders]
    home = next((each for each in folders if (each / f"{flags.name}.yaml").is_file()), None)
    others = [f"file://{each}" for each in folders if each != home]
    paths = [*others, *([] if home is None else [f"pkg://{CONFIG_MODULE}"])]
    searched = [f"hydra.searchpath=[{','.join(map(literal, paths))}]"] if paths else []
    begin = (
        initialize_config_module(CONFIG_MODULE, version_base="1.3")
        if home is None
        else initialize_config_dir(str(home), version_base="1.3")
    )
    with _explained(), begin:
        return work(compose(flags.name, overrides=[*searched, *overrides], return_hydra_config=True))


@contextmanager
def _explained() -> Iterator[None]:
    """Turn Hydra's errors into ours."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise explain(error) from None


def _each_value(overrides: Sequence[Override]) -> Iterator[list[str]]:
    """Yield lists of overrides that together hold every value of every sweep."""
    values = [
        [f"{each.get_key_element()}={value}" for value in each.sweep_string_iterator()]
        if each.is_sweep_override()
        else [str(each.input_line)]
        for each in overrides
    ]
    for number in range(max(map(len, values), default=1)):
        yield [several[min(number, len(several) - 1)] for several in values]


def run_composed(config: DictConfig) -> Path:
    """Start or resume the run of one composed configuration, which holds Hydra's own section too."""
    from surrogates.runs import train  # with Fabric, which scoring has no need of

    overrides, choices, changes = _given(config)
    values = _plain(config)
    if values["run"] == "":
        raise ConfigError("run= is empty; give the folder of the run to resume, or leave it out")
    if values["run"]:
        groups = [text for text in overrides if _key(text) in choices]
        if groups:
            raise ConfigError(
                f"{', '.join(groups)}: a resumed run keeps its own pieces; change single values only"
            )
        kept = {key: value for key, value in changes.items() if key not in CONTROL}
        folder = run_folder(values["run"])
        require_typed(folder, kept)
        return train.resume(folder, values["ckpt"] or "last", kept)
    if values["ckpt"]:
        raise ConfigError("ckpt= needs run=DIR, the folder of the run to resume")
    return train.start(new_run(config))


def new_run(config: DictConfig) -> dict[str, Any]:
    """Return the plain values of the new run of one composed configuration."""
    overrides, choices, changes = _given(config)
    values = _plain(config)
    values["experiment"] = choices.get("experiment") or "run"
    values = with_size(values, changes)
    if any(_key(text) == "model" for text in overrides) and "name" not in changes.get("model", {}):
        _require_chosen_model(values, choices["model"])
    return values


def _require_chosen_model(values: Mapping[str, Any], choice: str) -> None:
    """Refuse a model of the command line that an experiment, which is composed later, has replaced."""
    loader = cast(Any, GlobalHydra.instance().config_loader())
    wanted = loader.repository.load_config(f"model/{choice}").config.get("name")
    found = values["model"]["name"]
    if wanted != found:
        raise ConfigError(
            f"model={choice} would have no effect: the experiment '{values['experiment']}' itself names the "
            f"model '{found}'. Say model.name={wanted}; its other arguments stay as the experiment has them."
        )


def _plain(config: DictConfig) -> dict[str, Any]:
    """Return the values of a composed configuration without Hydra's section."""
    values = config.copy()
    with open_dict(values):
        values.pop("hydra", None)
    return cast(dict[str, Any], OmegaConf.to_container(values, resolve=True))


def _given(config: DictConfig) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    """Return the overrides of the command line, the chosen groups, and the values that the overrides set."""
    overrides = cast(list[str], OmegaConf.to_container(config.hydra.overrides.task, resolve=False))
    choices = dict(config.hydra.runtime.choices)
    return overrides, choices, given_values(overrides, choices)


def with_size(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Apply the experiment's values for the chosen size, then the command line's again.

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
    return cast(dict[str, Any], _as_meant(OmegaConf.to_container(found, resolve=False)))


def _as_meant(value: Any) -> Any:
    """Return values as they are, and texts without the escapes of an interpolation."""
    match value:
        case dict():
            return {key: _as_meant(each) for key, each in value.items()}
        case list():
            return [_as_meant(each) for each in value]
        case str():
            return unescaped(value)
    return value


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]
