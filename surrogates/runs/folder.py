"""A run's folder: what its files are called, and its configuration in and out."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment

CONFIG = "config.yaml"


def open_run(folder: Path) -> Experiment:
    """Open the experiment of a run's folder."""
    return Experiment.open(validate(RunConfig, read_config(folder), str(folder / CONFIG)))


def read_config(folder: Path) -> dict[str, Any]:
    """Return the resolved configuration of a run."""
    path = folder / CONFIG
    if not path.is_file():
        raise ConfigError(f"{folder} is no run: it has no {CONFIG}")
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    return values


def merge(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` with ``changes`` put in, mapping by mapping."""
    merged = dict(values)
    for key, change in changes.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(change, Mapping)
        merged[key] = merge(old, change) if both else change  # type: ignore[arg-type]
    return merged


def write_config(folder: Path, plain: Mapping[str, Any]) -> None:
    """Replace the resolved configuration of a run."""
    write_atomic(folder / CONFIG, yaml.safe_dump(dict(plain), sort_keys=False))


def new_folder(parent: Path) -> Path:
    """Make a folder named after the time; a second run in the same second gets a number."""
    stamp = datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    names = [stamp, *(f"{stamp}-{number}" for number in range(2, 1000))]
    for name in names:
        try:
            (parent / name).mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(
                f"output: no folder can be made in {parent} ({error.strerror}); give another with output=DIR"
            ) from None
        return parent / name
    raise ConfigError(f"no free folder name in {parent}; clean it up")
