"""`surrogates export`: a trained surrogate as a file that other programs run."""

from typing import TYPE_CHECKING, Annotated

import typer

from surrogates.cli.echo import echo

if TYPE_CHECKING:
    from surrogates.data.batch import Batch
    from surrogates.inference.bundle import Bundle


def export(
    run: Annotated[str, typer.Argument(help="Folder of a run or of a bundle, zoo:NAME, or URL of a bundle.")],
    output: Annotated[str, typer.Argument(help="The file, .onnx: path or URL.", metavar="FILE")],
    records: Annotated[int, typer.Option(min=2, help="Records on which it is compared with torch.")] = 4,
    tolerance: Annotated[
        float, typer.Option(help="Largest difference from torch, as a share of an output's spread.")
    ] = 1e-4,
) -> None:
    """Write physical inputs to physical outputs as ONNX, compared with torch by onnxruntime."""
    from surrogates.core.outputs import require_output, written
    from surrogates.inference.onnx import export_onnx
    from surrogates.inference.surrogate import load

    output = output.removeprefix("out=")
    require_output(output, (".onnx",))
    if not 0 < tolerance < float("inf"):
        raise ValueError(f"--tolerance is {tolerance:g}; expected a number above 0, such as 1e-4.")
    bundle = load(run, device="cpu").bundle
    given, source = _records(run, bundle, records)
    with written(output) as path:
        found = export_onnx(bundle, path, given, tolerance)
    for each in found:
        echo(
            f"{each.name}: largest difference from torch {each.largest:.3g} {each.units}, "
            f"{each.relative:.1e} of its spread, on {source}"
        )
    echo(f"-> {output}")


def _records(run: str, bundle: "Bundle", count: int) -> "tuple[Batch, str]":
    """Return records of the run's test subset or, without its data, random ones in the ranges of training."""
    import numpy as np

    from datasets.store.urls import local_path
    from surrogates.inference.onnx import synthetic_records
    from surrogates.runs.folder import CONFIG, open_given_run

    folder = local_path(run)
    if folder is not None and (folder / CONFIG).is_file():
        try:
            experiment = open_given_run(folder)
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
