"""`surrogates ensemble`: several runs, one surrogate."""

from pathlib import Path
from typing import Annotated

import typer


def ensemble(
    runs: Annotated[list[Path], typer.Argument(help="Folders of two or more runs, e.g. of several seeds.")],
    out: Annotated[Path, typer.Option(help="Folder of the ensemble.")],
    device: Annotated[str, typer.Option(help="Where to calibrate and score: auto, cpu, cuda, ...")] = "auto",
) -> None:
    """Combine runs into one surrogate, calibrate it on their validation split and score it on their test."""
    from surrogates.runs.ensemble import combine

    combine(runs, out, device=device)
    typer.echo(out)
