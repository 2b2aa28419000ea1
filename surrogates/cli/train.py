"""`surrogates train`: a Hydra experiment."""

import os

import typer

train = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@train.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def run(context: typer.Context) -> None:
    """Train a surrogate; every argument goes to Hydra."""
    from surrogates.runs.compose import main

    folders = main(context.args)
    if os.environ.get("RANK", "0") == "0":  # torchrun starts this command in every process
        for folder in folders:
            typer.echo(folder)
