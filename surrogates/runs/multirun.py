"""Several runs of one command line: Hydra's own sweepers and launchers."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from surrogates.core.errors import ConfigError
from surrogates.core.files import write_atomic
from surrogates.core.text import listing, nearest, printable
from surrogates.experiment.launched import launched

CONFIG_PATH = "pkg://surrogates.conf"
FOLDERS, NAMES = ("--config-dir", "-cd"), ("--config-name", "-cn")
MULTIRUN = ("-m", "--multirun")
SHOWS = (
    "--help",
    "-h",
    "--hydra-help",
    "--version",
    "--cfg",
    "-c",
    "--info",
    "-i",
    "--shell-completion",
    "-sc",
)
QUIET = ("--run", "-r", "--resolve", "--package", "-p", "--config-path", "-cp")
SHOWN = ("job", "hydra", "all")
CHOICES = {"--cfg": SHOWN, "-c": SHOWN}
VALUED = (*FOLDERS, *NAMES, "--config-path", "-cp", "--cfg", "-c", "--package", "-p", "--info", "-i")


@dataclass(frozen=True)
class Flags:
    """Hydra's flags of a command line.

    Attributes
    ----------
    kept
        Those that say where configurations are found.
    folders, name
        Folders of configurations, and the name of the primary one.
    multirun
        Whether several runs are asked for.
    shows
        Whether Hydra is asked to show something instead.
    """

    kept: list[str]
    folders: list[str]
    name: str
    multirun: bool
    shows: bool


def flags_of(arguments: Sequence[str]) -> tuple[Flags, list[str]]:
    """Split a command line into Hydra's flags and the overrides."""
    kept, folders, names, overrides = list[str](), list[str](), ["config"], list[str]()
    many = shows = False
    following = iter(arguments)
    for argument in following:
        flag, equals, value = argument.partition("=") if argument.startswith("--") else (argument, "", "")
        if not argument.startswith("-"):
            overrides.append(argument)
        elif flag in MULTIRUN:
            many = True
        elif flag in (*FOLDERS, *NAMES):
            given = value if equals else next(following, "")
            _require_value(flag, given)
            kept += [flag, given]
            (folders if flag in FOLDERS else names).append(given)
        elif flag in (*SHOWS, *QUIET):
            shows = shows or flag in SHOWS
            if flag in VALUED:
                _require_value(flag, value if equals else next(following, ""))
        else:
            known = (*FOLDERS, *NAMES, *MULTIRUN, *SHOWS, *QUIET)
            hint = nearest(flag, known) or f" Settings have no dashes, `{flag.lstrip('-')}=VALUE`."
            raise ConfigError(f"unknown flag '{flag}'.{hint} Flags: {listing(known)}")
    return Flags(kept, folders, names[-1], many, shows), overrides


def _require_value(flag: str, given: str) -> None:
    """Refuse a flag without its value, a folder that is not there, and what Hydra cannot show."""
    if flag in CHOICES and given not in CHOICES[flag]:
        raise ConfigError(
            f"{flag} {given}".rstrip() + f": expected {flag} and one of {listing(CHOICES[flag])}"
            f"{nearest(given, CHOICES[flag])}"
        )
    if not given or given.startswith("-"):
        raise ConfigError(f"{flag} needs a value behind it")
    if flag in FOLDERS and not Path(given).is_dir():
        raise ConfigError(f"{flag} {given}: there is no such folder; give one that holds YAML files of yours")


def multirun(arguments: Sequence[str], output: Path, work: Callable[[DictConfig], Path]) -> list[str]:
    """Run every combination by Hydra's sweeper and launcher; return the folders of the runs in their order.

    Parameters
    ----------
    arguments
        Of the command line.
    output
        Folder of all runs, where each run that ends leaves a note, whatever process it ran in.
    work
        Runs one composed configuration; it is sent to other processes by some launchers.

    Raises
    ------
    ConfigError
        When runs failed, with the first reason; the others have ended.
    """
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".multirun-", dir=output) as folder:
        _hydra(arguments, partial(_job, work, Path(folder).absolute()))
        notes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(folder).glob("*.json"))]
    if not notes:
        raise ConfigError("no run of the sweep has ended; look at what its launcher wrote")
    failed = [note for note in notes if "error" in note]
    if failed:
        same = set(notes[0]["overrides"]).intersection(*(note["overrides"] for note in notes))
        own = [each for each in failed[0]["overrides"] if each not in same or len(notes) == 1]
        raise ConfigError(f"{len(failed)} of {len(notes)} runs failed; {' '.join(own)}: {failed[0]['error']}")
    return [note["run"] for note in notes]


def show(arguments: Sequence[str]) -> None:
    """Let Hydra print its help or a composed configuration, as its flags ask."""
    _hydra(arguments, _nothing)


def _job(work: Callable[[DictConfig], Path], notes: Path, config: DictConfig) -> None:
    """Run one combination, and note its folder or why it failed."""
    own = HydraConfig.get()
    note: dict[str, Any] = {"overrides": list(own.overrides.task)}
    whole = config.copy()
    whole._set_flag("struct", False)
    whole.hydra = own
    try:
        note["run"] = str(work(whole))
    except (ValueError, OSError, ImportError) as error:
        if launched() is not None:  # the other processes are in the run that failed, and cannot follow
            print(f"error: {printable(' '.join(str(error).split()))}", file=sys.stderr)
            sys.exit(2)
        note["error"] = " ".join(str(error).split())
    write_atomic(notes / f"{int(own.job.num):06d}.json", json.dumps(note))


def _nothing(config: DictConfig) -> None:
    """Do nothing with a configuration."""


def _hydra(arguments: Sequence[str], job: Callable[[DictConfig], None]) -> None:
    """Enter Hydra's main, which reads the command line itself; its parser wants flags first."""
    entry = hydra.main(CONFIG_PATH, "config", version_base="1.3")(job)
    with _as_command_line(arguments):
        cast(Callable[[], None], entry)()


@contextmanager
def _as_command_line(arguments: Sequence[str]) -> Iterator[None]:
    flags, overrides = list[str](), list[str]()
    following = iter(arguments)
    for argument in following:
        (flags if argument.startswith("-") else overrides).append(argument)
        if argument in VALUED:
            flags.append(next(following, ""))
    argv = sys.argv
    sys.argv = ["surrogates train", *flags, *overrides]
    try:
        yield
    finally:
        sys.argv = argv
