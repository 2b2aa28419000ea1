"""Other networks on the same flights, and the effect of a leaky split on a score; one seed."""

from collections.abc import Mapping, Sequence

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from benchmarks.claims.uav import flights
from benchmarks.claims.uav.flights import CV, VECTOR
from benchmarks.claims.uav.moved import KINDS, METRICS, moving, scores, scoring, vector
from benchmarks.claims.uav.windows import LeakyWindows

NETWORKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "velocity": ("VECTOR S, velocities", KINDS["velocity"]),
    "position": ("VECTOR S, positions", KINDS["position"]),
    "relative": ("VECTOR S, positions relative to the last", ("task.transform.values=relative",)),
    "vector_m": ("VECTOR M, velocities", ("model.width=128", "model.depth=3")),
    "lstm": ("LSTM, positions", ("model.name=lstm", *KINDS["position"])),
    "sequence_transformer": ("Transformer, velocities", ("model.name=sequence_transformer",)),
    "tcn": ("Temporal convolutions, velocities", ("model.name=tcn",)),
}
LEAKY = "leaky"
TITLES = {name: title for name, (title, _) in NETWORKS.items()} | {LEAKY: "VECTOR S, velocities, leaky split"}
DATA = {
    "test": "simulated test flights",
    "shifted": "shifted by 100, 100, 20 m",
    "circle": "Gazebo circles",
    "lemniscate": "Gazebo figure-8",
    "leaky_test": "test windows of the leaky split",
    "common": "test windows of both splits",
}


def run_seed(seed: int, extra: Sequence[str] = ()) -> dict[str, float]:
    """Train every network with one seed, and score it.

    Returns
    -------
    dict
        ``<data>/<network>/<metric>`` in m, and ``parameters/<network>``. The data ``common`` are the test
        windows of the leaky split that lie in test flights: no network was trained on them, but the one
        of the leaky split was trained on windows that overlap them.
    """
    store = leaky_windows(seed)
    of_networks = [vector(*overrides, *extra) for _, overrides in NETWORKS.values()]
    made = runs.trained_runs([*of_networks, vector(*extra, f"dataset={store}")], seed)
    found = dict(zip(TITLES, made, strict=True))
    networks = {name: flights.network(run) for name, run in found.items()}
    leaky = networks.pop(LEAKY)
    gazebo = ("task.groups=family", "task.window.stride=1", f"dataset={flights.gazebo()}")
    both = {"velocity": networks["velocity"], LEAKY: leaky}
    common = f"dataset={{url: {store}, split: split_common}}"
    values = scores(networks, scoring(), "test/{method}/{metric}")
    values |= scores(networks, scoring(moving("shifted")), "shifted/{method}/{metric}")
    values |= scores(networks, scoring(*gazebo), "{group}/{method}/{metric}")
    values |= scores({LEAKY: leaky}, scoring(f"dataset={store}"), "leaky_test/{method}/{metric}")
    values |= scores(both, scoring(common), "common/{method}/{metric}")
    sizes = {name: runs.parameters(run) for name, run in found.items()}
    return values | runs.prefixed("parameters", sizes)


def leaky_windows(seed: int) -> str:
    """Return the store of the windows that are divided with a seed."""
    recipe = LeakyWindows.make({"flights": str(flights.flights()), "seed": seed})
    return str(runs.stored(recipe, f"uav_windows_{seed}", workers=0))


def claims() -> list[Claim]:
    """Return the claim on the split."""
    experiment = Experiment("uav", "vector_networks", run_seed, seeds=(0,), tables=tables)
    return [
        Claim(
            claim="A split of overlapping windows flatters: VECTOR S seems better than on flights kept whole",
            source=f"{VECTOR} (published notebook: windows are shuffled, then divided)",
            metric="FDE at 1 s in m, test windows of the leaky split that lie in test flights",
            experiment=experiment,
            ours=f"common/{LEAKY}/fde",
            baseline="common/velocity/fde",
            baseline_name="VECTOR S, trained on whole flights, on the same windows",
        )
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return every network on all data."""
    known = averages(values)
    body = [
        [
            title,
            cell(known, f"parameters/{name}", digits=0),
            *(cell(known, *(f"{data}/{name}/{metric}" for metric in METRICS)) for data in DATA),
        ]
        for name, title in ({CV: "constant velocity"} | TITLES).items()
    ]
    title = "Networks trained on simulated flights, one seed: ADE m / FDE at 1 s m"
    return [ResultTable(title, ["network", "parameters", *DATA.values()], body)]
