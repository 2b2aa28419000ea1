"""`surrogates calibrate`: intervals and trust of a finished run, calibrated on records of yours."""

from typing import Annotated

import typer

from surrogates.cli.echo import echo


def calibrate(
    run: Annotated[
        str, typer.Argument(help="Folder of the run or of its bundle, zoo:NAME, or URL of a bundle.")
    ],
    store: Annotated[
        str,
        typer.Argument(
            help="Your records, with inputs and targets; '{url: STORE, split: NAME}' for another split."
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="What differs: task.intervals.groups=[city], ...", metavar="KEY=VALUE"),
    ] = None,
    split: Annotated[
        str, typer.Option(help="validation, test, train or all: the records of the store to use.")
    ] = "validation",
    level: Annotated[float, typer.Option(help="Level of intervals that the records must suffice for.")] = 0.9,
    out: Annotated[
        str | None, typer.Option(help="New folder for the result; without it the run's bundle is replaced.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
) -> None:
    """Calibrate the intervals and the score `trust` of a finished run on records of your own.

    An interval of 90 % then holds nine of ten of values like yours. Give records that the run has not learned
    from, and keep some others to check: `surrogates evaluate RUN dataset=STORE` states the coverage.

    With task.intervals.groups=VARIABLE intervals hold for new groups, such as a city or a vehicle that is not
    among your records; that takes at least 9 groups for 90 %, 19 for 95 %. With
    'task.intervals.scale=[deviation,distance]' they also widen with the distance to the training data.
    `surrogates predict RUN INPUT OUTPUT --interval 0.9 --trust` uses both.

    \b
    surrogates calibrate runs/mine data/mine.zarr
    surrogates calibrate zoo:radio/geo2sigmap_measured data/drives.zarr --split all --out runs/calibrated \\
        task.intervals.groups=measurement 'task.intervals.scale=[deviation,distance]'
    """
    from surrogates.cli.evaluate import changes_of
    from surrogates.runs.calibrate import calibrate as calibrated
    from surrogates.runs.calibrate import described
    from surrogates.runs.paths import run_folder

    if split not in ("validation", "test", "train", "all"):
        raise ValueError(f"split is '{split}'; expected validation, test, train or all.")
    changes = changes_of([f"dataset={store}", *(overrides or [])])
    folder = None if out is None else run_folder(out)
    found = calibrated(run, changes, subset=split, level=level, out=folder, device=device)
    for line in described(found, level):
        echo(line)
    echo(f"-> {found.folder}")
