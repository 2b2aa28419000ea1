"""`surrogates evaluate`: score a finished run again, on its own data or on others."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

TAKEN = ("dataset", "task", "trainer", "seed")
KEPT = (
    "task.inputs",
    "task.targets",
    "task.transform",
    "task.head",
    "task.normalisation",
    "task.both_ways",
    "task.objective",
    "task.predictor",
    "task.window.length",
    "task.window.horizon",
    "task.window.dimension",
)


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of the run, or zoo:NAME.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="What to score otherwise: dataset=URL, task.draws=10, ...", metavar="KEY=VALUE"),
    ] = None,
    split: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Also write the scores to this file.")
    ] = None,
) -> None:
    """Score a run and its baselines; on the run's own test split this renews its report and metrics.

    Keys are those of the run's `dataset`, `task`, `trainer` and `seed`, as `surrogates train` takes them;
    what the weights depend on stays. With any of them nothing is written into the run. A bundle of the zoo
    is scored on a store of yours, dataset=URL, whose training and validation subsets then serve the baselines
    and the intervals.

    \b
    surrogates evaluate runs/mine dataset=data/duke.zarr task.groups=measurement task.draws=10 \\
        'task.preparations=[{name: radio_hold_out, protocol: blocks, side: 128}]'
    """
    from surrogates.core.build import validate
    from surrogates.experiment.config import RunConfig
    from surrogates.experiment.experiment import Experiment
    from surrogates.inference.zoo import is_of_zoo, located
    from surrogates.report.page import text_table
    from surrogates.runs.evaluate import evaluate_elsewhere, evaluate_run
    from surrogates.runs.folder import merge, open_run, read_config

    if split not in ("test", "validation", "train"):
        raise ValueError(f"split is '{split}'; expected test, validation or train.")
    changes = _changes(overrides or [])
    shipped = is_of_zoo(run)
    if shipped:
        folder = located(run)
        if "dataset" not in changes:
            raise ValueError(f"{run} comes without its data; give a store to score it on, dataset=URL.")
        run = folder
    if not changes and split == "test":
        evaluation = evaluate_run(run, open_run(run), device=device)
    else:
        values = read_config(run)
        on = validate(RunConfig, merge(values, changes), "configuration")
        compared = merge(values, changes if shipped else {"task": {"baselines": on.task.baselines}})
        trained = Experiment.open(validate(RunConfig, compared, "configuration"))
        evaluation = evaluate_elsewhere(run, trained, Experiment.open(on), split=split, device=device)
    typer.echo(text_table(evaluation.table, evaluation.targets))
    typer.echo(f"\nintervals: {evaluation.about['intervals']}")
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_text(json.dumps(evaluation.as_dict(), indent=2) + "\n")
        typer.echo(f"-> {json_path}")


def _changes(overrides: list[str]) -> dict[str, Any]:
    """Return the overridden values; refuse those that the run's weights depend on."""
    from surrogates.core.text import listing, nearest
    from surrogates.runs.compose import given_values

    for override in overrides:
        key, equals, value = override.lstrip("+").partition("=")
        if not (equals and value):
            raise ValueError(f"Found '{override}', expected KEY=VALUE, such as dataset=data/mine.zarr.")
        top = key.partition(".")[0]
        if top not in TAKEN:
            raise ValueError(
                f"'{key}' is not taken here.{nearest(top, TAKEN)} `surrogates evaluate` takes keys of "
                f"{listing(TAKEN)}."
            )
        if _touches(key, KEPT):
            raise ValueError(f"{key}: a trained run keeps it; train another run to change it.")
    return given_values(overrides, {})


def _touches(key: str, paths: tuple[str, ...]) -> bool:
    """Return whether a key is one of some paths, lies inside one, or holds one."""
    return any(f"{key}.".startswith(f"{path}.") or path.startswith(f"{key}.") for path in paths)
