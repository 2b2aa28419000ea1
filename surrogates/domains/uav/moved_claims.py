"""VECTOR's positions against its velocities: in the distribution, moved, and on unseen shapes of paths."""

from collections.abc import Mapping, Sequence
from typing import Any

from surrogates.domains.uav import claim_runs as runs
from surrogates.runs.claims import Claim, Experiment, ResultTable, averages, cell

NAME = "vector_moved"
CV = "constant_velocity"
KINDS: dict[str, tuple[str, ...]] = {
    "position": ("task.transform.values=absolute", "task.window.length=20"),
    "velocity": (),
}
"""What each network of VECTOR needs beside the experiment."""
MOVES: dict[str, tuple[str, str | None]] = {
    "here": ("in distribution", None),
    "shifted": ("shifted by 100, 100, 20 m", "shift: [100, 100, 20]"),
    "rotated": ("rotated by 90 degrees", "rotation_deg: 90"),
    "faster": ("1.5 times as fast", "speed: 1.5"),
}
UNSEEN = "unseen"
TITLES = {key: title for key, (title, _) in MOVES.items()} | {UNSEEN: "unseen families of paths"}
METRICS = ("ade", "fde")


def vector(*words: str, split: str = "split") -> list[str]:
    """Return the command line of VECTOR S on the simulated flights."""
    return [
        "experiment=uav/vector",
        "size=tiny",
        f"dataset={{url: {runs.FLIGHTS}, split: {split}}}",
        *words,
    ]


def scoring(*words: str, split: str = "split") -> list[str]:
    """Return the command line of what all networks are scored on: windows with 21 known samples."""
    return vector(
        f"task.baselines=[{CV}]",
        f"task.metrics={runs.listed(METRICS)}",
        "task.groups=null",
        "trainer.batch_size=1024",
        *words,
        split=split,
    )


def run_seed(seed: int, extra: Sequence[str] = ()) -> Mapping[str, float]:
    """Train both networks with one seed, on all and on some families, and score them.

    Returns
    -------
    mapping
        ``<condition>/<method>/<metric>`` in m, and ``change/<kind>``, how much a shift changes the ADE, m.
    """
    runs.flights()
    splits = ("split", "split_by_family")
    words = [vector(*KINDS[kind], *extra, split=split) for split in splits for kind in KINDS]
    made = runs.trained_runs(words, seed)
    seen, some = (
        {kind: runs.network(run) for kind, run in zip(KINDS, part, strict=True)}
        for part in (made[: len(KINDS)], made[len(KINDS) :])
    )
    values: dict[str, float] = {}
    for condition, (_, move) in MOVES.items():
        prepared = f"task.preparations=[{'' if move is None else f'{{name: uav/moved, {move}}}'}]"
        values |= _scores(condition, seen, scoring(prepared))
    values |= _scores(UNSEEN, some, scoring(split="split_by_family"))
    return values | {
        f"change/{kind}": abs(values[f"shifted/{kind}/ade"] - values[f"here/{kind}/ade"]) for kind in KINDS
    }


def _scores(condition: str, networks: Mapping[str, Any], words: Sequence[str]) -> dict[str, float]:
    on = runs.open_experiment(words)
    found = runs.scores({**networks, **on.build_baselines()}, on)
    return {f"{condition}/{name.removeprefix('all/')}": value for name, value in found.items()}


def claims() -> list[Claim]:
    """Return what is claimed of velocities."""
    experiment = Experiment(name=NAME, command=f"{runs.CODE} {NAME} {{seed}}", run=run_seed)
    title = "VECTOR S on positions"

    def against_positions(text: str, condition: str, times: float) -> Claim:
        return Claim(
            claim=text,
            source=runs.VECTOR,
            metric=f"FDE at 1 s in m, {TITLES[condition]}, test flights of the simulator",
            experiment=experiment,
            ours=f"{condition}/velocity/fde",
            baseline=f"{condition}/position/fde",
            baseline_name=title,
            compare="times_lower",
            bound=times,
        )

    # Single windows change by some 1e-5 m: 100 m away, single precision has steps of 8e-6 m, and the network
    # sees differences of positions over 0.1 s. Their mean changes by far less.
    unchanged = Claim(
        claim="A shift of all positions leaves the errors of the velocity network unchanged",
        source=runs.VECTOR,
        metric="change of the ADE of all test windows by a shift of 100, 100, 20 m, in m, single precision",
        experiment=experiment,
        ours="change/velocity",
        baseline="change/position",
        baseline_name=title,
        compare="at_most",
        bound=1e-6,
    )
    return [
        against_positions("Velocities predict better than positions, in distribution", "here", 1.0),
        against_positions("Velocities predict far better than positions where nobody flew", "shifted", 5.0),
        unchanged,
        against_positions("Velocities predict better than positions on unseen families", UNSEEN, 1.0),
    ]


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return both networks and constant velocity under every condition."""
    values = averages(rows, NAME)
    methods = {CV: "constant velocity", "position": "VECTOR S, positions", "velocity": "VECTOR S, velocities"}
    body = [
        [title, *(cell(values, *(f"{key}/{method}/{each}" for each in METRICS)) for method in methods)]
        for key, title in TITLES.items()
    ]
    title = "VECTOR S on simulated test flights, means over the seeds: ADE m / FDE at 1 s m"
    return [ResultTable(title, ["flights", *methods.values()], body)] if values else []
