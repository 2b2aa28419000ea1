"""`surrogates predict`: a file in, a file out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import xarray as xr


def predict(
    bundle: Annotated[Path, typer.Argument(help="Folder of a run or of a bundle.")],
    source: Annotated[Path, typer.Argument(help="Inputs: a .nc file or a .zarr store.", metavar="INPUT")],
    output: Annotated[Path, typer.Argument(help="Where the prediction goes: .nc or .zarr.")],
    batch_size: Annotated[int | None, typer.Option(help="Examples at a time.")] = None,
    interval: Annotated[float | None, typer.Option(help="Level of calibrated intervals, e.g. 0.9.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Predict with a trained surrogate, in physical units."""
    import warnings

    from surrogates.inference.errors import OutOfRangeWarning
    from surrogates.inference.surrogate import load

    for path, what in ((source, "the input"), (output, "the output")):
        if path.suffix not in (".nc", ".zarr"):
            raise ValueError(f"{what} is {path.name}; expected a name that ends in .nc or .zarr.")
    if not source.exists():
        raise FileNotFoundError(f"There is no input at {source}.")
    if output.exists():
        raise FileExistsError(f"{output} exists; remove it or choose another name.")
    surrogate = load(bundle, device=device)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", OutOfRangeWarning)
        store = output if output.suffix == ".zarr" else None
        prediction = surrogate.predict(_open(source), batch_size=batch_size, interval=interval, out=store)
    for warning in caught:
        typer.echo(f"warning: {warning.message}", err=True)
    if store is None:
        _write(prediction, output)
    typer.echo(f"{', '.join(map(str, prediction.data_vars))} -> {output}")


def _open(path: Path) -> "xr.Dataset":
    import xarray as xr

    return xr.open_zarr(path, chunks=None) if path.suffix == ".zarr" else xr.open_dataset(path)


def _write(prediction: "xr.Dataset", path: Path) -> None:
    """Write beside the target, then rename: an interrupted run leaves no half of a file."""
    staging = path.with_name(f".{path.name}.part{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    prediction.to_netcdf(staging)
    staging.replace(path)
