"""`surrogates sweep`: a search for good values of an experiment's keys."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from surrogates.cli.echo import echo
from surrogates.core.paths import local

sweep = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@sweep.command(context_settings={"ignore_unknown_options": True})
def run(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="As for `surrogates train`; what varies as key=log(LOW,HIGH), uniform(LOW,HIGH), "
            "int(LOW,HIGH) or choice(A,B).",
            metavar="KEY=VALUE",
        ),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials altogether.")] = 20,
    folder: Annotated[
        Path | None,
        typer.Option(parser=local, help="Folder of the sweep; given without overrides, it resumes one."),
    ] = None,
    metric: Annotated[
        str, typer.Option(help="loss, or one of task.metrics; of the validation split.")
    ] = "loss",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the proposals.")] = 0,
) -> None:
    """Search for good values with Optuna, scored on the validation subset; each trial is an ordinary run."""
    from surrogates.report.sweeps import draw, table
    from surrogates.runs.sweep import PICTURE, ranked, resumable
    from surrogates.runs.sweep import sweep as search
    from surrogates.runs.sweep_plan import Plan, best_command, read_plan

    _require_known(overrides or [])
    if not overrides and folder is None:
        raise ValueError(
            "nothing to try; give experiment=... and what varies, or --folder of a sweep to resume."
        )
    plan = Plan.of(overrides, metric, seed) if overrides else read_plan(folder or Path())
    folder = folder or Path("runs/sweeps") / f"{datetime.now():%Y-%m-%dT%H-%M-%S}"
    done = search(plan, folder, trials, echo)
    good = ranked(done)
    if not good:
        raise ValueError(f"all {len(done)} trials failed; the last one: {done[-1].error}")
    log = [key for key, parameter in plan.space.items() if parameter.kind == "log"]
    with resumable(folder, trials):
        draw(done, plan.metric, folder / PICTURE, log=log)
    echo(f"\n{table(good, plan.metric)}\n\nbest: {best_command(plan, good[0].settings)}", lines=True)
    echo(f"-> {folder}, {folder / PICTURE}")


def _require_known(overrides: list[str]) -> None:
    """Refuse a mistyped option, which would go to Hydra with the overrides."""
    from surrogates.core.text import nearest

    own = ("--trials", "--folder", "--metric", "--seed")
    for each in overrides:
        name = each.partition("=")[0]
        if each.startswith("--") and (like := nearest(name, own, cutoff=0.7)):
            raise ValueError(f"unknown option '{name}'.{like} See `surrogates sweep --help`.")
