"""Other networks on the same flights, and what a split that leaks does to a score; one seed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from surrogates.domains.uav import claim_runs as runs
from surrogates.domains.uav.moved_claims import CV, KINDS, METRICS, MOVES, scoring, vector
from surrogates.runs.claims import Claim, Experiment, ResultTable, averages, cell

NAME = "vector_networks"
LEAKY = "task.window.leaky=true"
NETWORKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "velocity": ("VECTOR S, velocities", KINDS["velocity"]),
    "position": ("VECTOR S, positions", KINDS["position"]),
    "relative": ("VECTOR S, positions relative to the last", ("task.transform.values=relative",)),
    "vector_m": ("VECTOR M, velocities", ("model.width=128", "model.depth=3")),
    "lstm": ("LSTM, positions", ("model.name=lstm", *KINDS["position"])),
    "sequence_transformer": ("Transformer, velocities", ("model.name=sequence_transformer",)),
    "tcn": ("Temporal convolutions, velocities", ("model.name=tcn",)),
    "leaky": ("VECTOR S, velocities, leaky split", (LEAKY,)),
}
PLACES = {
    "test": "simulated test flights",
    "shifted": "shifted by 100, 100, 20 m",
    "circle": "Gazebo circles",
    "lemniscate": "Gazebo figure-8",
    "leaky_test": "test windows of the leaky split",
    "common": "test windows of both splits",
}


def run_seed(seed: int, extra: Sequence[str] = ()) -> Mapping[str, float]:
    """Train every network with one seed, and score it.

    Returns
    -------
    mapping
        ``<place>/<network>/<metric>`` in m, and ``parameters/<network>``. The place ``common`` holds the test
        windows of the leaky split that lie in test flights: no network was trained on them, but the leaky
        one on windows that overlap them.
    """
    from surrogates.inference.bundle import load_bundle

    runs.flights()
    made = runs.trained_runs((vector(*words, *extra) for _, words in NETWORKS.values()), seed)
    found = dict(zip(NETWORKS, made, strict=True))
    honest = {name: runs.network(run) for name, run in found.items() if name != "leaky"}
    shift = f"task.preparations=[{{name: uav/moved, {MOVES['shifted'][1]}}}]"
    values = _scores("test", honest, scoring()) | _scores("shifted", honest, scoring(shift))
    published = ("task.groups=family", "task.window.stride=1", f"dataset={runs.gazebo()}")
    values |= _scores(None, honest, scoring(*published))
    divided = runs.open_experiment(scoring(LEAKY, f"seed={seed}"))
    tested = divided.data.index("test")
    whole = np.isin(tested.record, runs.open_experiment(scoring()).data.index("test").record)
    both = {name: runs.network(found[name]) for name in ("velocity", "leaky")}
    values |= _named(
        "leaky_test", runs.scores({"leaky": both["leaky"], **divided.build_baselines()}, divided)
    )
    common = tested.take(np.flatnonzero(whole))
    values |= _named("common", runs.scores({**both, **divided.build_baselines()}, divided, index=common))
    return values | {
        f"parameters/{name}": float(load_bundle(run / "bundle").parameters) for name, run in found.items()
    }


def _scores(place: str | None, networks: Mapping[str, Any], words: Sequence[str]) -> dict[str, float]:
    """Return scores under the name of a place, or, without one, of each group."""
    on = runs.open_experiment(words)
    found = runs.scores({**networks, **on.build_baselines()}, on)
    if place is None:
        return {name: value for name, value in found.items() if not name.startswith("all/")}
    return _named(place, found)


def _named(place: str, found: Mapping[str, float]) -> dict[str, float]:
    return {f"{place}/{name.removeprefix('all/')}": value for name, value in found.items()}


def claims() -> list[Claim]:
    """Return the claim on the split."""
    experiment = Experiment(name=NAME, command=f"{runs.CODE} {NAME} {{seed}}", run=run_seed, seeds=(0,))
    return [
        Claim(
            claim="A split of overlapping windows flatters: VECTOR S seems better than on flights kept whole",
            source=f"{runs.VECTOR} (published notebook: windows are shuffled, then divided)",
            metric="FDE at 1 s in m, test windows of the leaky split that lie in test flights",
            experiment=experiment,
            ours="common/leaky/fde",
            baseline="common/velocity/fde",
            baseline_name="VECTOR S, trained on whole flights, on the same windows",
            compare="lower_by",
            bound=0.0,
        )
    ]


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return every network at every place."""
    values = averages(rows, NAME)
    names = {CV: "constant velocity"} | {name: title for name, (title, _) in NETWORKS.items()}
    body = [
        [
            title,
            cell(values, f"parameters/{name}", digits=0),
            *(cell(values, *(f"{place}/{name}/{metric}" for metric in METRICS)) for place in PLACES),
        ]
        for name, title in names.items()
    ]
    title = "Networks trained on simulated flights, one seed: ADE m / FDE at 1 s m"
    return [ResultTable(title, ["network", "parameters", *PLACES.values()], body)] if values else []
