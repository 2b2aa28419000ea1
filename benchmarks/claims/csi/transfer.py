"""What a network that has learned drawn channels is worth on traced ones: the same training on each."""

from collections.abc import Mapping, Sequence

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.csi import training
from benchmarks.claims.csi.networks import NAMES, OURS, opened
from benchmarks.claims.csi.training import BASELINES
from benchmarks.claims.tables import ResultTable, averages, cell
from surrogates.evaluation.evaluate import Method
from surrogates.evaluation.scoring import fitted_baselines

TRACED = "csi4cast_traced"
DUPLEX = "TDD"
METRICS = ("nmse", "spectral_efficiency")
TRAINED_ON = {OURS: "CSI-4CAST, trained on CDL", TRACED: "CSI-4CAST, trained on traced channels"}


def run_seed(seed: int) -> dict[str, float]:
    """Train the tiny network on both kinds of channels; score both and the baselines on test flights.

    Returns
    -------
    dict
        ``METHOD/nmse`` and ``METHOD/spectral_efficiency``, pasts under noise of 0 to 25 dB; methods that
        learn from other records are fitted to traced ones.
    """
    there = opened(DUPLEX, str(training.traced()), "task.groups=[]", "task.conditions=[]")
    return runs.scored({**networks(seed), **fitted_baselines(there)}, there, "{method}/{metric}")


def networks(seed: int) -> dict[str, Method]:
    """Return the network that has learned drawn channels and the one that has learned traced ones."""
    stores = {OURS: training.home(), TRACED: training.traced()}
    return {
        name: runs.network(training.final_run(OURS, DUPLEX, seed, store)) for name, store in stores.items()
    }


def claims() -> list[Claim]:
    """Return the claims on transfer."""
    experiment = Experiment("csi", "transfer", run_seed, seeds=(0,), tables=tables)
    wanted = [
        (
            "A network that has learned only drawn channels predicts traced ones better than none",
            OURS,
            "persistence",
        ),
        ("A network that has learned only drawn channels predicts traced ones better than PAD", OURS, "pad"),
        ("A network that has learned traced channels predicts other flights better than PAD", TRACED, "pad"),
        ("On traced channels a network is better if it has learned such channels", TRACED, OURS),
    ]
    names = NAMES | TRAINED_ON
    return [
        Claim(
            claim=text,
            source="ours",
            metric="NMSE, test flights through a city, noise of 0 to 25 dB",
            experiment=experiment,
            ours=f"{ours}/nmse",
            baseline=f"{rival}/nmse",
            baseline_name=names[rival],
        )
        for text, ours, rival in wanted
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the scores of all methods."""
    known = averages(values)
    methods = [OURS, TRACED, *(name.rpartition("/")[2] for name in BASELINES[DUPLEX])]
    names = NAMES | TRAINED_ON
    rows = [[names[each], *(cell(known, f"{each}/{metric}") for metric in METRICS)] for each in methods]
    title = (
        "Channels traced along flights that no method has seen, noise of 0 to 25 dB; other methods that "
        "learn are fitted to traced channels"
    )
    return [ResultTable(title, ("method", "NMSE", "spectral efficiency, bit/s/Hz"), rows)]
