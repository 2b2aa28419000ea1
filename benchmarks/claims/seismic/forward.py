"""Networks that simulate: the other direction of the X-Net against networks of one direction."""

from collections.abc import Mapping, Sequence

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.seismic import training
from benchmarks.claims.seismic.training import GFI, HOMES, NETWORKS
from benchmarks.claims.tables import ResultTable, averages, cell
from surrogates.domains.seismic.names import GATHER, VELOCITY

MAE, RELATIVE = f"{GATHER}/mae", f"{GATHER}/relative_l2"
SHOWN = {name: NETWORKS[name] for name in ("invertible_x_net", "waveform_net")} | {"mean": "mean gather"}
X = "invertible_x_net"


def run_seed(seed: int) -> dict[str, float]:
    """Train one network of each kind on both families; return their scores as simulators."""
    both = training.final_runs(seed, [X])
    made = runs.trained_runs([training.overrides("waveform_net", family) for family in HOMES], seed)
    values: dict[str, float] = {}
    for family, waveform in zip(HOMES, made, strict=True):
        scores = runs.own_scores(waveform) | runs.own_scores(both[X, family])
        values |= runs.prefixed(family, scores)
    sizes = {"waveform_net": runs.parameters(made[0]), X: runs.parameters(both[X, HOMES[0]])}
    return values | runs.prefixed("parameters", sizes)


def claims() -> list[Claim]:
    """Return the claims on simulation."""
    experiment = Experiment("seismic", "forward", run_seed, seeds=(0,), tables=tables)
    return [
        Claim(
            claim=f"Invertible X-Net simulates {family} better than a WaveformNet that trains as long",
            source=GFI,
            metric=f"MAE of pressure for a source of amplitude 1, {family}, one seed",
            experiment=experiment,
            ours=f"{family}/{X}/{MAE}",
            baseline=f"{family}/waveform_net/{MAE}",
            baseline_name="WaveformNet",
        )
        for family in HOMES
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the table of both directions, there and back included."""
    known = averages(values)
    simulated = [
        [title, cell(known, f"parameters/{method}", digits=0)]
        + [cell(known, f"{family}/{method}/{MAE}", f"{family}/{method}/{RELATIVE}") for family in HOMES]
        for method, title in SHOWN.items()
    ]
    cycles = (
        ("gathers to velocity to gathers: relative L2", f"{GATHER}_cycle/relative_l2", 3),
        ("velocity to gathers to velocity: MAE, m/s", f"{VELOCITY}_cycle/mae", 1),
    )
    back = [
        [title, *(cell(known, f"{family}/{X}/{name}", digits=digits) for family in HOMES)]
        for title, name, digits in cycles
    ]
    return [
        ResultTable(
            "Simulation at home, one seed, learning rate 0.002 (X-Net: the best for velocity): "
            "MAE of pressure / relative L2 of gathers",
            ("method", "parameters", *HOMES),
            simulated,
        ),
        ResultTable("Invertible X-Net there and back, one seed", ("cycle", *HOMES), back),
    ]
