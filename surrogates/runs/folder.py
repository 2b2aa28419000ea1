"""A run's folder: names of its files, reading and writing its configuration."""

import fcntl
import shlex
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TextIO

import yaml

from datasets.store.urls import local_path
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.core.files import clean_up, write_atomic
from surrogates.core.plain import read_yaml_file
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment

CONFIG = "config.yaml"
LOCK = ".lock"
ENDING = 15.0
"""Seconds in which a process that has lost its parent finishes its step."""


def open_run(folder: Path) -> Experiment:
    """Open the experiment of a run's folder."""
    return Experiment.open(read_run(folder))


def open_given_run(folder: Path) -> Experiment:
    """Open the experiment of a run's folder that may come from a stranger; see `require_local`."""
    require_local(folder)
    return open_run(folder)


def require_local(folder: Path, typed: Collection[str] = ()) -> None:
    """Refuse a run whose configuration names stores elsewhere that nobody has typed.

    Parameters
    ----------
    folder
        Of the run.
    typed
        URLs that may be contacted.

    Raises
    ------
    ConfigError
        Names the URL.
    """
    for each in read_run(folder).dataset:
        if local_path(each.url) is None and each.url not in typed:
            raise ConfigError(
                f"{folder / CONFIG} names the store {each.url}, which is contacted only when it is typed; "
                f"add dataset={shlex.quote(each.url)}, or copy the store and write its path into the file"
            )


def require_typed(folder: Path, changes: Mapping[str, Any]) -> None:
    """Refuse to resume a run that would contact what its own configuration names and nobody has typed.

    Parameters
    ----------
    folder
        Of the run, which may come from a stranger.
    changes
        Values of the command line.

    Raises
    ------
    ConfigError
        Names the store, or the server of a logger.
    """
    if "dataset" not in changes:
        require_local(folder)
    config = read_run(folder)
    for source in [*([config.init.source] if config.init else []), *config.parts.values()]:
        if local_path(source) is None:
            raise ConfigError(
                f"{folder / CONFIG} names the bundle {source}, which is fetched only when it is typed; begin "
                f"a new run with it, or copy the bundle here and write its path into the file"
            )
    if "loggers" in (changes.get("trainer") or {}):
        return
    for node in config.trainer.loggers:
        for key, value in node.items() if isinstance(node, Mapping) else ():
            if isinstance(value, str) and local_path(value) is None:
                raise ConfigError(
                    f"{folder / CONFIG} names the server {value} (trainer.loggers: {key}), which is "
                    "contacted only when it is typed; give trainer.loggers=[...] as you want them, or "
                    "trainer.loggers=[]"
                )


def read_run(folder: Path) -> RunConfig:
    """Return the checked configuration of a run."""
    return validate(RunConfig, read_config(folder), str(folder / CONFIG))


def read_config(folder: Path) -> dict[str, Any]:
    """Return the resolved configuration of a run."""
    path = folder / CONFIG
    if not path.is_file():
        raise ConfigError(f"{folder} is no run: it has no {CONFIG}")
    return read_yaml_file(path)


def require_config(folder: Path, name: str) -> None:
    """Refuse a bundle without the configuration of its run.

    Parameters
    ----------
    folder, name
        Where it lies, and how it was named.
    """
    if not (folder / CONFIG).is_file():
        raise ConfigError(
            f"{name} holds no {CONFIG}, by which it is scored; those of `surrogates push` and of the zoo do"
        )


def merge(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` updated by ``changes``, mapping by mapping."""
    merged = dict(values)
    for key, change in changes.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(change, Mapping)
        merged[key] = merge(old, change) if both else change  # type: ignore[arg-type]
    return merged


def write_config(folder: Path, plain: Mapping[str, Any]) -> None:
    """Replace the resolved configuration of a run."""
    write_atomic(folder / CONFIG, yaml.safe_dump(dict(plain), sort_keys=False))


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a run's folder as its only process; remove what a killed one left half-written.

    Raises
    ------
    ConfigError
        When another process on this machine still trains there; one that is ending is waited for.
    """
    with held(folder):
        clean_up(folder)
        yield


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises
    ------
    ConfigError
        When another process does not let go of it.
    """
    with (folder / LOCK).open("w", encoding="utf-8") as file:
        deadline = monotonic() + ENDING
        while not locked(file):
            if monotonic() > deadline:
                raise ConfigError(
                    f"{folder} is in training by another process; wait for it or end it, then say it again"
                )
            sleep(0.1)
        yield


def locked(file: TextIO) -> bool:
    """Lock a file until this process ends; return False if another process holds the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


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
