"""Networks that simulate: the other direction of the X-Net against networks of one direction."""

from collections.abc import Mapping, Sequence
from typing import Any

from surrogates.domains.seismic import claim_runs as runs
from surrogates.domains.seismic.claim_runs import CODE, GFI, HOMES, NETWORKS
from surrogates.domains.seismic.names import GATHER, VELOCITY
from surrogates.runs.claims import Claim, Experiment, ResultTable, averages, cell

NAME = "forward"
MAE, RELATIVE = f"{GATHER}/mae", f"{GATHER}/relative_l2"
METHODS = {**NETWORKS, "mean": "mean gather"}
SHOWN = ("invertible_x_net", "waveform_net", "mean")


def run_seed(seed: int) -> dict[str, float]:
    """Train one network of each kind on both families; return their scores as simulators."""
    from surrogates.runs.cache import trained_runs

    both = runs.final_runs(seed, ["invertible_x_net"])
    asked = [runs.words("waveform_net", family) for family in HOMES]
    made = trained_runs(asked, seed, runs.RUNS)
    values: dict[str, float] = {}
    for family, waveform in zip(HOMES, made, strict=True):
        scores = runs.scores_of(waveform) | runs.scores_of(both["invertible_x_net", family])
        values |= runs.named(family, scores)
    named = [("waveform_net", made[0]), ("invertible_x_net", both["invertible_x_net", HOMES[0]])]
    return values | runs.parameters(named)


def claims() -> list[Claim]:
    """Return the claims on simulation."""
    experiment = Experiment(NAME, f"{CODE} {NAME} {{seed}}", run_seed, seeds=(0,))
    return [
        Claim(
            f"Invertible X-Net simulates {family} better than a WaveformNet that trains as long",
            GFI,
            f"MAE of pressure for a source of amplitude 1, {family}, one seed",
            experiment,
            f"{family}/invertible_x_net/{MAE}",
            f"{family}/waveform_net/{MAE}",
            "WaveformNet",
            "lower_by",
            0.0,
        )
        for family in HOMES
    ]


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return the table of both directions, there and back included."""
    values = averages(rows, NAME)
    if not values:
        return []
    simulated = [
        [METHODS[method], cell(values, f"parameters/{method}", digits=0)]
        + [cell(values, f"{family}/{method}/{MAE}", f"{family}/{method}/{RELATIVE}") for family in HOMES]
        for method in SHOWN
    ]
    x = "invertible_x_net"
    back = [
        [
            "gathers to velocity to gathers: relative L2",
            *(cell(values, f"{family}/{x}/{GATHER}_cycle/relative_l2") for family in HOMES),
        ],
        [
            "velocity to gathers to velocity: MAE, m/s",
            *(cell(values, f"{family}/{x}/{VELOCITY}_cycle/mae", digits=1) for family in HOMES),
        ],
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
