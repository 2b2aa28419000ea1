"""What a network of a square room is worth in an L-shape: with frozen parts, without, and from scratch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.claims import runs
from benchmarks.claims.acoustics import training
from benchmarks.claims.acoustics.training import BASELINES, NETWORK, SPLITS, TITLES
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.tables import ResultTable, averages, cell
from surrogates.evaluation.scoring import fitted_baselines

SOURCE = "Borrel-Jensen et al., PNAS 121 (2024) e2312159120, arXiv:2308.05141, at a far smaller size"
ROOM: Mapping[str, object] = {
    "shape": "l_shape",
    "size": (2.0, 2.0),
    "source_region": ((0.4, 1.6), (0.4, 1.6)),
}
FROZEN = (
    *(f"{net}.1.{layer}.*" for net in ("branch", "trunk") for layer in ("encoders", "first")),
    "branch.1.hidden.0.*",
)
"""What the published transfer freezes: two layers of the branch, one of the trunk, and all encoders."""
STEPS = (250, 500, 1000, 2000)
WAYS = {
    "scratch": "from scratch",
    "frozen": "from the square room, frozen parts",
    "free": "from the square room",
}


def run_seed(seed: int, steps: Sequence[int] = STEPS) -> dict[str, float]:
    """Train networks of the L-shape for different numbers of steps, each with its whole schedule.

    Returns
    -------
    dict
        ``WAY/STEPS/SPLIT/relative_l2`` of networks, ``SPLIT/METHOD/relative_l2`` of interpolation. Those from
        the square room are not trained for the longest.
    """
    home, data = training.store(2), training.stored("rooms_2d_l_shape", 2, **ROOM)
    learned = training.trained(2, home, seed)
    frozen = f"trainer.freeze=[{','.join(FROZEN)}]"
    given = {"scratch": [], "frozen": [f"init={learned}", frozen], "free": [f"init={learned}"]}
    values: dict[str, float] = {}
    for way, overrides in given.items():
        for count in steps if way == "scratch" else steps[:-1]:
            few = [f"trainer.max_steps={count}", f"trainer.validate_every={count}"]
            run = training.trained(2, data, seed, *few, *overrides)
            values |= runs.prefixed(f"{way}/{count}", _scores(data, run))
    for name, split in SPLITS.items():
        there = training.opened(2, data, split)
        values |= runs.prefixed(name, runs.scored(fitted_baselines(there), there, "{method}/{metric}"))
    return values


def _scores(data: Path, run: Path) -> dict[str, float]:
    """Return ``SPLIT/relative_l2`` and ``.../rmse`` (Pa) of a network."""
    values: dict[str, float] = {}
    for name, split in SPLITS.items():
        found = runs.scored({NETWORK: runs.network(run)}, training.opened(2, data, split), "{metric}")
        values |= runs.prefixed(name, found)
    return values


def claims() -> list[Claim]:
    """Return the claims on transfer."""
    experiment = Experiment("acoustics", "transfer", run_seed, seeds=(0,), tables=tables)
    metric = "relative L2, test sources in an L-shape of 2 m, 400 Hz, 12 ms"
    half, whole = STEPS[-2:]
    few = STEPS[0]
    return [
        Claim(
            claim=f"From a square room and with frozen parts {half} steps are worth {whole} from scratch",
            source=SOURCE,
            metric=metric,
            experiment=experiment,
            ours=f"frozen/{half}/test/relative_l2",
            baseline=f"scratch/{whole}/test/relative_l2",
            baseline_name=f"{WAYS['scratch']}, {whole} steps",
        ),
        Claim(
            claim=f"After {few} steps a network from a square room, parts frozen, leads one from scratch",
            source=SOURCE,
            metric=metric,
            experiment=experiment,
            ours=f"frozen/{few}/test/relative_l2",
            baseline=f"scratch/{few}/test/relative_l2",
            baseline_name=f"{WAYS['scratch']}, {few} steps",
        ),
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the errors by steps."""
    known = averages(values)
    if not known:
        return []
    rows = [
        [
            title,
            str(count),
            *(cell(known, f"{way}/{count}/{split}/relative_l2", digits=4) for split in SPLITS),
        ]
        for way, title in WAYS.items()
        for count in (STEPS if way == "scratch" else STEPS[:-1])
    ]
    rows += [
        [TITLES[name], "-", *(cell(known, f"{split}/{name}/relative_l2", digits=4) for split in SPLITS)]
        for name in BASELINES
    ]
    title = "An L-shape of 2 m: relative L2 of networks that start from a square room, or from nothing"
    return [ResultTable(title, ("start", "steps", "between", "outside"), rows)]
