"""VECTOR's positions against its velocities: in the distribution, moved, and on unseen shapes of paths."""

from collections.abc import Mapping, Sequence

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from benchmarks.claims.uav import flights
from benchmarks.claims.uav.flights import CV, VECTOR, listed
from surrogates.evaluation.evaluate import Method

KINDS: dict[str, tuple[str, ...]] = {
    "position": ("task.transform.values=absolute", "task.window.length=20"),
    "velocity": (),
}
"""Overrides of each network of VECTOR beside the experiment."""
MOVES: dict[str, tuple[str, str | None]] = {
    "here": ("in distribution", None),
    "shifted": ("shifted by 100, 100, 20 m", "shift: [100, 100, 20]"),
    "rotated": ("rotated by 90 degrees", "rotation_deg: 90"),
    "faster": ("1.5 times as fast", "speed: 1.5"),
}
UNSEEN = "unseen"
TITLES = {key: title for key, (title, _) in MOVES.items()} | {UNSEEN: "unseen families of paths"}
METRICS = ("ade", "fde")


def vector(*overrides: str, split: str = "split") -> list[str]:
    """Return the overrides of VECTOR S on the simulated flights."""
    store = f"dataset={{url: {flights.flights()}, split: {split}}}"
    return ["experiment=uav/vector", "size=tiny", store, *overrides]


def scoring(*overrides: str, split: str = "split") -> list[str]:
    """Return the overrides of the data of all scores: windows with 21 known samples."""
    return vector(
        f"task.baselines=[uav/{CV}]",
        f"task.metrics={listed(METRICS)}",
        "task.groups=null",
        "trainer.batch_size=1024",
        *overrides,
        split=split,
    )


def moving(condition: str) -> str:
    """Return the override that moves the scored windows."""
    move = MOVES[condition][1]
    return f"task.preparations=[{'' if move is None else f'{{name: uav/moved, {move}}}'}]"


def scores(networks: Mapping[str, Method], overrides: Sequence[str], name: str) -> dict[str, float]:
    """Score networks and the baselines of a command line on its data; `name` as in `runs.scored`."""
    on = runs.open_experiment(overrides)
    return runs.scored({**networks, **on.build_baselines()}, on, name)


def run_seed(seed: int, extra: Sequence[str] = ()) -> dict[str, float]:
    """Train both networks with one seed, on all and on some families, and score them.

    Returns
    -------
    dict
        ``<condition>/<method>/<metric>`` in m, and ``change/<kind>``, how much a shift changes the ADE, m.
    """
    splits = ("split", "split_by_family")
    overrides = [vector(*KINDS[kind], *extra, split=split) for split in splits for kind in KINDS]
    made = [flights.network(run) for run in runs.trained_runs(overrides, seed)]
    seen = dict(zip(KINDS, made[: len(KINDS)], strict=True))
    some = dict(zip(KINDS, made[len(KINDS) :], strict=True))
    values: dict[str, float] = {}
    for condition in MOVES:
        values |= scores(seen, scoring(moving(condition)), f"{condition}/{{method}}/{{metric}}")
    values |= scores(some, scoring(split="split_by_family"), f"{UNSEEN}/{{method}}/{{metric}}")
    return values | {
        f"change/{kind}": abs(values[f"shifted/{kind}/ade"] - values[f"here/{kind}/ade"]) for kind in KINDS
    }


def claims() -> list[Claim]:
    """Return the claims on velocities."""
    experiment = Experiment("uav", "vector_moved", run_seed, tables=tables)
    title = "VECTOR S on positions"

    def against_positions(text: str, condition: str, times: float) -> Claim:
        return Claim(
            claim=text,
            source=VECTOR,
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
        source=VECTOR,
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


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return both networks and constant velocity under every condition."""
    known = averages(values)
    methods = {CV: "constant velocity", "position": "VECTOR S, positions", "velocity": "VECTOR S, velocities"}
    body = [
        [title, *(cell(known, *(f"{key}/{method}/{each}" for each in METRICS)) for method in methods)]
        for key, title in TITLES.items()
    ]
    title = "VECTOR S on simulated test flights, means over the seeds: ADE m / FDE at 1 s m"
    return [ResultTable(title, ["flights", *methods.values()], body)]
