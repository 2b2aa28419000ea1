"""The root of `surrogates`: it names every command and imports only the one that is called."""

import importlib
import os
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any

import typer

from surrogates.core.plugins import plugins
from surrogates.core.text import brief, printable
from surrogates.training.signals import Signals, Stopped

# Command -> (where it lives, its line in the help). A module is imported when its command runs, so that
# `--help` and a mistyped command answer at once. An entry is a Typer application or a plain function.
COMMANDS = {
    "data": ("surrogates.cli.data:app", "Build, resume, check, show and import datasets."),
    "train": ("surrogates.cli.train:train", "Train a surrogate (a Hydra experiment)."),
    "ensemble": ("surrogates.cli.ensemble:ensemble", "Combine several runs into one surrogate."),
    "evaluate": ("surrogates.cli.evaluate:evaluate", "Score a trained run and its baselines again."),
    "calibrate": (
        "surrogates.cli.calibrate:calibrate",
        "Calibrate intervals and trust of a trained run on your records.",
    ),
    "predict": ("surrogates.cli.predict:predict", "Predict with a trained surrogate, in physical units."),
    "zoo": ("surrogates.cli.zoo:zoo", "Show the trained surrogates that ship with the package."),
    "push": ("surrogates.cli.push:push", "Push a trained surrogate to the Hugging Face Hub."),
    "export": ("surrogates.cli.export:export", "Write a trained surrogate as ONNX."),
    "sweep": ("surrogates.cli.sweep:sweep", "Search for good settings of an experiment."),
    "report": ("surrogates.cli.report:app", "Recompute the tables of the documentation."),
    "bench": ("surrogates.cli.bench:bench", "Measure our speed against a reference, in one run."),
    "schema": ("surrogates.cli.schema:app", "Write JSON schemas, by which an editor checks YAML files."),
    "doctor": ("surrogates.cli.doctor:doctor", "Show what is installed and how to get the rest."),
}

SERVERS = ("adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "requests")
"""Packages by which fsspec asks other machines; their errors are no defects of ours."""

FORWARDED = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}

LONGEST = 2000
"""Characters of a message."""
PLAIN: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}

UsageError: Any = typer.BadParameter.__bases__[0]
"""Of Typer: a command line that does not parse."""

app = typer.Typer(no_args_is_help=True, **PLAIN | {"add_completion": True})


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"surrogates {version('sciml-surrogates')}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Scientific machine-learning surrogates: simulate a dataset, train, predict in physical units."""


def _complete(context: typer.Context, incomplete: str) -> list[str]:
    """Offer a shell what follows a command of ours."""
    from surrogates.cli.completion import completions

    return completions(str(context.info_name), context.params.get("words") or [], incomplete)


def _add(to: typer.Typer, name: str, line: str, run: Callable[..., None]) -> None:
    """Add a command, imported when it runs, that gets everything after its name."""
    to.command(name, help=line, add_help_option=False, context_settings=FORWARDED)(run)


def _forward(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(autocompletion=_complete, hidden=True)] = None,
) -> None:
    """Run a command of ours."""
    name = str(context.info_name)
    _call(_application(COMMANDS[name][0]), words or [], f"surrogates {name}")


def _call(command: Callable[..., Any], words: Sequence[str], name: str) -> None:
    """Run a command and end with its status; one that does not parse is a user's mistake like any other."""
    try:
        status = command(args=list(words), prog_name=name, standalone_mode=False)
    except UsageError as error:
        said = error.format_message()
        if said.startswith("Usage: "):  # a group without a command
            error.show()
            sys.exit(error.exit_code)
        where = error.ctx.command_path if error.ctx else name
        said += _as_setting(said, error.ctx.command.params if error.ctx else [])
        then = " See" if said.endswith("?") else "; see"
        raise ValueError(f"{said.rstrip('.')}{then} `{where} --help`") from None
    sys.exit(status if isinstance(status, int) else 0)


def _as_setting(said: str, parameters: Sequence[Any]) -> str:
    """Return how an unknown option, to which none is near, is written where a command takes settings."""
    option = re.fullmatch(r"No such option: --?([\w.-]+)", said)
    taken = any("KEY=VALUE" in str(each.metavar) for each in parameters)
    return f"; settings have no dashes, `{option[1]}=VALUE`" if option and taken else ""


def _application(path: str) -> Callable[..., Any]:
    """Import one command and return it as a Typer application."""
    module, attribute = path.split(":")
    command = getattr(importlib.import_module(module), attribute)
    if isinstance(command, typer.Typer):
        return command
    application = typer.Typer(**PLAIN)
    application.command()(command)
    return application


@cache
def _add_plugins() -> None:
    """Add the commands of plug-ins: `domain/name` is typed `surrogates domain name`."""
    groups: dict[str, typer.Typer] = {}
    for plugin in plugins():
        for key, (path, line) in plugin.commands.items():
            domain, _, name = key.partition("/")
            if domain not in groups:
                groups[domain] = typer.Typer(no_args_is_help=True, **PLAIN)
                groups[domain].callback()(_group)
                app.add_typer(groups[domain], name=domain, help=f"Commands of {domain}.")
            _add(groups[domain], name, line, _runner(path, f"{domain} {name}"))
        for old, new in plugin.old_names.get("commands", {}).items():
            run = _runner(plugin.commands[new][0], new.replace("/", " "), old)
            app.command(old, hidden=True, add_help_option=False, context_settings=FORWARDED)(run)


def _runner(path: str, called: str, old: str | None = None) -> Callable[[typer.Context], None]:
    """Return a function that runs a command of a plug-in; called by an old name, it warns."""

    def run(context: typer.Context) -> None:
        if old is not None:
            typer.echo(f"warning: say `surrogates {called}`; `{old}` goes with the next release", err=True)
        _call(_application(path), context.args, f"surrogates {called}")

    return run


def _group() -> None:
    """Let a group with one command keep its name."""


for _name, (_, _line) in COMMANDS.items():
    _add(app, _name, _line, _forward)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a user's mistake ends in one line on stderr and exit status 2.

    Parameters
    ----------
    arguments
        Arguments after the program's name; `sys.argv[1:]` by default. `--debug` may stand anywhere.
    """
    if arguments is None:  # typed by a person
        warnings.showwarning = _one_line_warning
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    words = [_at_home(each) for each in given if each != "--debug"]
    try:
        with Signals().listening():
            _add_plugins()
            _call(app, words, "surrogates")
    except Stopped as stopped:
        if not stopped.told:
            command = shlex.join(["surrogates", *given])
            print(f"stopped by {stopped.name}; begin again with: {command}", file=sys.stderr)
        raise
    except Exception as error:
        if debug or not _is_users_mistake(error):
            raise
        print(f"error: {_one_line(error)}", file=sys.stderr)
        sys.exit(2)


def _one_line_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Show a warning without its file and line."""
    print(f"warning: {_one_of(str(message))}", file=sys.stderr)


def _at_home(argument: str) -> str:
    """Return ``--option=~/a`` with the home folder, as shells write it only after a space."""
    option, equals, value = argument.partition("=")
    if option.startswith("--") and equals and value.startswith("~"):
        return f"{option}={os.path.expanduser(value)}"  # noqa: PTH111  (`Path.expanduser` raises for `~x`)
    return argument


def _is_users_mistake(error: Exception) -> bool:
    users = isinstance(error, ValueError | OSError | ImportError)
    return users or _is_of_server(error) or _is_of_memory(error)


def _is_of_server(error: Exception) -> bool:
    """Return whether a library that asks other machines for data has given up."""
    return type(error).__module__.partition(".")[0] in SERVERS


def _is_of_memory(error: Exception) -> bool:
    """Return whether no memory was left: Python's error, torch's of a device, and that of its allocator."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return _one_of(f"{error.filename}: {error.strerror}")
    if isinstance(error, ImportError) and isinstance(error.__cause__, ModuleNotFoundError):
        from surrogates.core.optional import explain_missing

        error = explain_missing(error.__cause__, "The command")
    said = _one_of(str(error))
    if _is_of_server(error):
        return f"a server failed ({type(error).__name__}: {said}); run the command again when it answers"
    if _is_of_memory(error):
        return f"no memory is left ({said or type(error).__name__}); take less at a time, as a smaller batch"
    return said or type(error).__name__


def _one_of(text: str) -> str:
    """Return a message, which may quote a file, as one line of a bearable length that only shows text."""
    return printable(brief(" ".join(text.split()), LONGEST))
