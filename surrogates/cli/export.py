"""`surrogates export`: a trained surrogate as a file that other programs run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from surrogates.cli.echo import echo

if TYPE_CHECKING:
    from surrogates.data.batch import Batch
    from surrogates.inference.bundle import Bundle


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run or of a bundle, or zoo:NAME.")],
    output: Annotated[Path, typer.Argument(help="The file, .onnx.", metavar="FILE")],
    records: Annotated[int, typer.Option(min=2, help="Records on which it is compared with torch.")] = 4,
    tolerance: Annotated[
        float, typer.Option(help="Largest difference from torch, as a share of an output's spread.")
    ] = 1e-4,
) -> None:
    """Write physical inputs to physical outputs as ONNX, compared with torch by onnxruntime."""
    from surrogates.core.files import require_writable
    from surrogates.inference.onnx import export_onnx
    from surrogates.inference.surrogate import load

    path = Path(str(output).removeprefix("out="))
    if path.suffix != ".onnx":
        raise ValueError(f"the output is {path.name}; expected a name that ends in .onnx.")
    if path.exists():
        raise FileExistsError(f"{path} exists; remove it or choose another name.")
    require_writable(path)
    if not 0 < tolerance < float("inf"):
        raise ValueError(f"--tolerance is {tolerance:g}; expected a number above 0, such as 1e-4.")
    bundle = load(run, device="cpu").bundle
    given, source = _records(run, bundle, records)
    for each in export_onnx(bundle, path, given, tolerance):
        echo(
            f"{each.name}: largest difference from torch {each.largest:.3g} {each.units}, "
            f"{each.relative:.1e} of its spread, on {source}"
        )
    echo(f"-> {path}")


def _records(run: Path, bundle: "Bundle", count: int) -> "tuple[Batch, str]":
    """Return records of the run's test subset or, without its data, random ones in the ranges of training."""
    import numpy as np

    from surrogates.inference.onnx import synthetic_records
    from surrogates.runs.folder import CONFIG, open_given_run

    if (run / CONFIG).is_file():
        try:
            experiment = open_given_run(run)
            index = experiment.data.index("test")
        except (ValueError, OSError) as error:
            echo(f"warning: the run's data cannot be read ({error})", err=True)
        else:
            if len(index) >= 2:
                few = index.take(np.arange(min(count, len(index))))
                batch = next(iter(experiment.loader("test", index=few, batch_size=count)))
                names = [spec.name for spec in bundle.manifest.pipeline.inputs]
                return {name: batch[name] for name in names}, f"{len(few)} records of the test split"
    return synthetic_records(bundle, count), f"{count} records drawn from the ranges of training"
