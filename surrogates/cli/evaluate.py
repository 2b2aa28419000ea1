"""`surrogates evaluate`: score a finished run again, on its own data or on others."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from surrogates.cli.echo import echo
from surrogates.core.paths import local

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
    run: Annotated[str, typer.Argument(help="Folder of the run, zoo:NAME, or URL of a bundle.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="What to score otherwise: dataset=URL, task.draws=10, ...", metavar="KEY=VALUE"),
    ] = None,
    split: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    json_path: Annotated[
        Path | None, typer.Option("--json", parser=local, help="Also write the scores to this file.")
    ] = None,
) -> None:
    """Score a run and its baselines; on the run's own test split this renews its report and metrics.

    Keys are those of the run's `dataset`, `task`, `trainer` and `seed`, as `surrogates train` takes them;
    what the weights depend on stays. With any of them nothing is written into the run. A bundle of the zoo,
    or of another machine, is scored on a store of yours, dataset=URL, whose training and validation subsets
    then serve the baselines and the intervals.

    \b
    surrogates evaluate runs/mine dataset=data/duke.zarr task.groups=measurement task.draws=10 \\
        'task.preparations=[{name: radio_hold_out, protocol: blocks, side: 128}]'
    """
    from surrogates.core.build import validate
    from surrogates.core.files import require_writable
    from surrogates.experiment.config import RunConfig
    from surrogates.experiment.experiment import Experiment
    from surrogates.inference.zoo import is_bare, located
    from surrogates.report.page import text_table
    from surrogates.runs.evaluate import evaluate_elsewhere, evaluate_run
    from surrogates.runs.folder import merge, open_given_run, read_config, require_config, require_local
    from surrogates.runs.paths import run_folder

    if split not in ("test", "validation", "train"):
        raise ValueError(f"split is '{split}'; expected test, validation or train.")
    if json_path is not None:
        require_writable(json_path)
    changes = changes_of(overrides or [])
    bare = is_bare(run)
    if bare and "dataset" not in changes:
        raise ValueError(f"{run} comes without its data; give a store to score it on, dataset=URL.")
    folder = located(run) if bare else run_folder(run)
    if bare:
        require_config(folder, run)
    if not changes and split == "test":
        evaluation = evaluate_run(folder, open_given_run(folder), device=device)
    else:
        values = read_config(folder)
        on = validate(RunConfig, merge(values, changes), "configuration")
        if not bare:
            require_local(folder, [each.url for each in on.dataset] if "dataset" in changes else [])
        task = {"baselines": on.task.baselines, "intervals": on.task.intervals.model_dump()}
        compared = merge(values, changes if bare else {"task": task})
        trained = Experiment.open(validate(RunConfig, compared, "configuration"))
        evaluation = evaluate_elsewhere(folder, trained, Experiment.open(on), split=split, device=device)
    echo(text_table(evaluation.table, evaluation.targets, evaluation.overhead), lines=True)
    echo()
    echo(f"intervals: {evaluation.about['intervals']}")
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_text(json.dumps(evaluation.as_dict(), indent=2) + "\n", encoding="utf-8")
        echo(f"-> {json_path}")


def changes_of(overrides: list[str]) -> dict[str, Any]:
    """Return the overridden values of a trained run; refuse those that its weights depend on."""
    from surrogates.core.text import listing, nearest, require_keys_once
    from surrogates.runs.compose import given_values
    from surrogates.runs.paths import readable

    require_keys_once(overrides)
    for override in overrides:
        key, equals, value = override.lstrip("+").partition("=")
        if not (equals and value):
            raise ValueError(f"Found '{override}', expected KEY=VALUE, such as dataset=data/mine.zarr.")
        top = key.partition(".")[0]
        if top not in TAKEN:
            raise ValueError(
                f"'{key}' is not taken here.{nearest(top, TAKEN)} A trained run takes keys of "
                f"{listing(TAKEN)}."
            )
        if _touches(key, KEPT):
            raise ValueError(f"{key}: a trained run keeps it; train another run to change it.")
    return given_values([readable(override) for override in overrides], {})


def _touches(key: str, paths: tuple[str, ...]) -> bool:
    """Return whether a key is one of some paths, lies inside one, or holds one."""
    return any(f"{key}.".startswith(f"{path}.") or path.startswith(f"{key}.") for path in paths)
