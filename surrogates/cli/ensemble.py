"""`surrogates ensemble`: several runs, one surrogate."""

from typing import Annotated

import typer

from surrogates.cli.echo import echo


def ensemble(
    runs: Annotated[list[str], typer.Argument(help="Folders of two or more runs, e.g. of several seeds.")],
    out: Annotated[str, typer.Option(help="Folder of the ensemble.")],
    device: Annotated[str, typer.Option(help="Where to calibrate and score: auto, cpu, cuda, ...")] = "auto",
) -> None:
    """Combine runs into one surrogate, calibrate it on their validation split and score it on their test."""
    from surrogates.runs.ensemble import combine
    from surrogates.runs.paths import run_folder

    echo(combine([run_folder(run) for run in runs], run_folder(out), device=device))
