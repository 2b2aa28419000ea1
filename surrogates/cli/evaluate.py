"""`surrogates evaluate`: score a finished run again, on its own data or on others."""

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of the run.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="dataset=URL to score on another store.", metavar="KEY=VALUE"),
    ] = None,
    split: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Also write the scores to this file.")
    ] = None,
) -> None:
    """Score a run and its baselines; on the run's own test split this renews its report and metrics."""
    from surrogates.core.build import validate
    from surrogates.evaluation.report import text_table
    from surrogates.evaluation.run import evaluate_elsewhere, evaluate_run
    from surrogates.training.config import RunConfig
    from surrogates.training.experiment import Experiment
    from surrogates.training.run import open_run, read_config

    if split not in ("test", "validation", "train"):
        raise ValueError(f"split is '{split}'; expected test, validation or train.")
    url = _dataset(overrides or [])
    trained = open_run(run)
    if url is None and split == "test":
        evaluation = evaluate_run(run, trained, device=device)
    else:
        on = validate(RunConfig, read_config(run) | ({"dataset": url} if url else {}), "configuration")
        evaluation = evaluate_elsewhere(run, trained, Experiment.open(on), split=split, device=device)
    typer.echo(text_table(evaluation.table, evaluation.targets))
    typer.echo(f"\nintervals: {evaluation.about['intervals']}")
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_text(json.dumps(evaluation.as_dict(), indent=2) + "\n")
        typer.echo(f"-> {json_path}")


def _dataset(overrides: list[str]) -> str | None:
    url = None
    for override in overrides:
        key, _, value = override.partition("=")
        if key != "dataset" or not value:
            raise ValueError(f"'{override}' is not understood; `surrogates evaluate` takes dataset=URL.")
        url = value
    return url
