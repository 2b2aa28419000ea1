"""`surrogates predict`: a file in, a file out."""

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from surrogates.cli.echo import echo
from surrogates.core.paths import local

if TYPE_CHECKING:
    import xarray as xr

    from surrogates.inference.geotiff import Frame
    from surrogates.inference.surrogate import Surrogate


def predict(
    bundle: Annotated[
        str, typer.Argument(help="Folder of a run or of a bundle, zoo:NAME, or URL of a bundle.")
    ],
    source: Annotated[
        str, typer.Argument(help="Inputs: path or URL of a .nc file or a .zarr store.", metavar="INPUT")
    ],
    output: Annotated[
        str | None,
        typer.Argument(help="Where the prediction goes: path or URL of a .nc file or .zarr store."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples at a time.")] = None,
    interval: Annotated[float | None, typer.Option(help="Level of calibrated intervals, e.g. 0.9.")] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust", help="Also write a score of each record: 1 like the training data, 0 unlike."
        ),
    ] = False,
    samples: Annotated[int | None, typer.Option(help="Members of each prediction, e.g. 16.")] = None,
    seed: Annotated[int, typer.Option(help="Of the members.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    record: Annotated[int | None, typer.Option(help="Predict only this record; 0 is the first.")] = None,
    geotiff: Annotated[
        Path | None,
        typer.Option(
            parser=local, help="A map as GeoTIFF, .tif; several records make NAME_0.tif, NAME_1.tif, ..."
        ),
    ] = None,
    crs: Annotated[
        str | None,
        typer.Option(help="Coordinate system of the GeoTIFF where the input has none, e.g. EPSG:32617."),
    ] = None,
    origin: Annotated[
        tuple[float, float] | None,
        typer.Option(help="South-west corner of the map in it.", metavar="EAST NORTH"),
    ] = None,
) -> None:
    """Predict with a trained surrogate, in physical units."""
    import warnings

    from surrogates.inference.errors import OutOfRangeWarning
    from surrogates.inference.geotiff import write_geotiffs
    from surrogates.inference.outputs import TRUST
    from surrogates.inference.source import open_inputs, require_inputs
    from surrogates.inference.surrogate import load

    _check_paths(output, geotiff)
    for option, given in (("--crs", crs), ("--origin", origin)):
        if given is not None and geotiff is None:
            raise ValueError(
                f"{option} belongs to a GeoTIFF; give --geotiff FILE.tif with it, or leave it out."
            )
    if geotiff is not None and samples is not None:
        raise ValueError("--samples needs an OUTPUT that ends in .nc or .zarr; a GeoTIFF holds no members.")
    require_inputs(source)
    surrogate = load(bundle, device=device)
    dataset = _select(open_inputs(source), surrogate.record_dimension, record)
    frames = [] if geotiff is None else _frames(surrogate, dataset, crs, origin)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", OutOfRangeWarning)
        store = output if output is not None and PurePosixPath(output).suffix == ".zarr" else None
        prediction = surrogate.predict(
            dataset,
            batch_size=batch_size,
            interval=interval,
            out=store,
            trust=trust,
            samples=samples,
            seed=seed,
        )
    for warning in caught:
        echo(f"warning: {warning.message}", err=True)
    outputs = ", ".join(map(str, prediction.data_vars))
    if output is not None:
        if store is None:
            _write(prediction, output)
        echo(f"{outputs} -> {output}")
    if geotiff is not None:
        maps = prediction.drop_vars(TRUST, errors="ignore")  # one number of a record is no map
        for path in write_geotiffs(maps, geotiff, frames, surrogate.record_dimension):
            echo(f"{outputs} -> {path}")


def _check_paths(output: str | None, geotiff: Path | None) -> None:
    """Refuse outputs that cannot be written, before any work."""
    from surrogates.core.outputs import require_output

    if output is None and geotiff is None:
        raise ValueError("nothing to write; give an OUTPUT that ends in .nc or .zarr, or --geotiff FILE.tif.")
    if geotiff is not None:
        require_output(str(geotiff), (".tif", ".tiff"), "--geotiff")
    if output is not None:
        require_output(output, (".nc", ".zarr"))


def _select(dataset: "xr.Dataset", dimension: str, record: int | None) -> "xr.Dataset":
    """Return one record as a data set of length one, or all of them."""
    if record is None:
        return dataset
    records = dataset.sizes.get(dimension, 0)
    if not 0 <= record < records:
        raise ValueError(
            f"--record is {record}, but the input has {records} of '{dimension}', counted from 0."
        )
    return dataset.isel({dimension: slice(record, record + 1)})


def _frames(
    surrogate: "Surrogate", dataset: "xr.Dataset", crs: str | None, origin: tuple[float, float] | None
) -> "list[Frame]":
    """Return the location of every record's map, before any is predicted."""
    from surrogates.inference.geotiff import frame_of, plane_of

    dimension = surrogate.record_dimension
    ((_, column), *_) = [plane_of(spec.name, spec.dims) for spec in surrogate.outputs.values()]
    records = range(dataset.sizes.get(dimension, 1))
    return [frame_of(dataset, column, dimension, number, crs, origin) for number in records]


def _write(prediction: "xr.Dataset", output: str) -> None:
    from surrogates.core.outputs import written

    with written(output) as staging:
        prediction.to_netcdf(staging)
