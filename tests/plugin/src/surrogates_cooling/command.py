"""`surrogates cooling until`: when a body has cooled down."""

from pathlib import Path
from typing import Annotated

import typer


def until(
    run: Annotated[Path, typer.Argument(help="Folder of a run or of a bundle.")],
    start: Annotated[float, typer.Option(help="Temperature at the start, K.")],
    time_constant: Annotated[float, typer.Option(help="Time constant, s.")],
    temperature: Annotated[float, typer.Option(help="Temperature to cool down to, K.")],
) -> None:
    """Say when a body has cooled down."""
    import xarray as xr

    from surrogates.inference.surrogate import load

    body = xr.Dataset(
        {"start": ((), start, {"units": "K"}), "time_constant": ((), time_constant, {"units": "s"})}
    )
    seconds = load(run, device="cpu").cooling.time_until(body, temperature)
    typer.echo(f"{temperature:g} K after {float(seconds):.0f} s")
