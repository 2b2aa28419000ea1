"""`surrogates train`: a Hydra experiment."""

import typer

from surrogates.cli.echo import echo

train = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@train.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def run(context: typer.Context) -> None:
    """Train a surrogate; every argument goes to Hydra."""
    from surrogates.experiment.launched import launched
    from surrogates.runs.compose import main

    folders, group = main(context.args), launched()
    if group is None or group.rank == 0:  # torchrun and srun start this command in every process
        for folder in folders:
            echo(folder)
