"""The root of `surrogates`: names every command and imports only the one that was asked for."""

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

# Command -> (where it lives, its line in the help). A module is imported when its command runs, so that
# `--help` and a mistyped command answer at once. An entry is a Typer application or a plain function.
COMMANDS = {
    "data": ("surrogates.cli.data:app", "Build, resume, check, show and import datasets."),
    "train": ("surrogates.cli.train:train", "Train a surrogate (a Hydra experiment)."),
    "ensemble": ("surrogates.cli.ensemble:ensemble", "Combine several runs into one surrogate."),
    "evaluate": ("surrogates.cli.evaluate:evaluate", "Score a trained run and its baselines again."),
    "predict": ("surrogates.cli.predict:predict", "Predict with a trained surrogate, in physical units."),
    "stream": ("surrogates.cli.stream:stream", "Predict a flight while it is flown."),
    "export": ("surrogates.cli.export:export", "Write a trained surrogate as ONNX."),
    "sweep": ("surrogates.cli.sweep:sweep", "Search for good settings of an experiment."),
    "report": ("surrogates.cli.report:app", "Recompute the tables of the documentation."),
    "bench": ("surrogates.cli.bench:bench", "Measure our speed against a reference, in one run."),
    "doctor": ("surrogates.cli.doctor:doctor", "Show what is installed and how to get the rest."),
}

FORWARDED = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}

PLAIN: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}

app = typer.Typer(no_args_is_help=True, **PLAIN)


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Scientific machine-learning surrogates: simulate a dataset, train, predict in physical units."""


def _forward(context: typer.Context) -> None:
    """Run the command's own application with everything that follows its name."""
    name = str(context.info_name)
    _application(name)(args=context.args, prog_name=f"surrogates {name}")


def _application(name: str) -> Callable[..., Any]:
    """Import one command and return it as a Typer application."""
    module, attribute = COMMANDS[name][0].split(":")
    command = getattr(importlib.import_module(module), attribute)
    if isinstance(command, typer.Typer):
        return command
    application = typer.Typer(**PLAIN)
    application.command()(command)
    return application


for _name, (_, _help) in COMMANDS.items():
    app.command(_name, help=_help, add_help_option=False, context_settings=FORWARDED)(_forward)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a user's mistake ends in one line on stderr and exit status 2.

    Parameters
    ----------
    arguments
        Words after the program's name; `sys.argv[1:]` by default. `--debug` may stand anywhere.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        app(args=[word for word in words if word != "--debug"], prog_name="surrogates")
    except Exception as error:
        if debug or not _is_users_mistake(error):
            raise
        print(f"error: {_one_line(error)}", file=sys.stderr)
        sys.exit(2)


def _is_users_mistake(error: Exception) -> bool:
    if isinstance(error, ValueError | OSError | ImportError):
        return True
    # Only a command that needed the ray tracer can have raised its error: no need to import it here.
    backend = sys.modules.get("physics.raytracing.backend")
    return backend is not None and isinstance(error, backend.BackendError)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
