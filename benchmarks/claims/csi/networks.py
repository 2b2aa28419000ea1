"""Networks of equal size and classical predictors of channels: noise, unseen scenarios, and a link."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean
from typing import Any

from benchmarks.claims import runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.csi import links, training
from benchmarks.claims.csi.channels import SOURCE
from benchmarks.claims.csi.training import BASELINES, NETWORKS, TASKS, TITLES
from benchmarks.claims.tables import ResultTable, averages, cell
from datasets.csi.scenarios import AWGN, DISTURBED
from surrogates.evaluation.calibration import Calibrations
from surrogates.evaluation.evaluate import Method
from surrogates.evaluation.overhead import overheads
from surrogates.evaluation.ranking import rankings
from surrogates.evaluation.scoring import calibrations_of, fitted_baselines, one_record, score
from surrogates.evaluation.tables import ALL, UNDISTURBED, Table
from surrogates.experiment.experiment import Experiment as Opened

LEVEL, OFF = 0.9, 0.03
"""Share of the truth that intervals should hold, and how far from it they may be."""
METRICS = f"task.metrics=[csi/nmse,csi/spectral_efficiency,{{name: coverage, level: {LEVEL}}}]"
GROUPS = "task.groups=[channel_model,delay_spread,speed]"
OURS = "csi4cast"
NOISES = ("phase", "burst", "packet_drop")
SETS = {"regular": "awgn", "noisy": "noisy", "unseen": "unseen/awgn"}
"""The sets of scenarios, and what their numbers are called."""
PUBLISHED = {
    "TDD": {"regular": {"csi4cast": 81.5, "pad": 9.9}, "noisy": {"csi4cast": 53.7, "pad": 25.5},
            "unseen": {"csi4cast": 51.6, "pad": 22.7}},
    "FDD": {"regular": {"csi4cast": 44.4, "rnn": 27.2}, "noisy": {"csi4cast": 38.7},
            "unseen": {"csi4cast": 24.1, "rnn": 21.4, "cnn_autoencoder": 22.2}},
}  # fmt: skip
"""Published shares of scenarios won, %, at full size, against LLM4CP as well."""
NMSE = {
    "TDD": {"csi4cast": 0.128, "rnn": 0.172, "cnn_autoencoder": 0.215, "pad": 0.241,
            "vector_ar": 0.783, "wiener": 0.821, "persistence": 1.829},
    "FDD": {"csi4cast": 0.283, "rnn": 0.291, "cnn_autoencoder": 0.686, "wiener": 1.054, "persistence": 2.736},
}  # fmt: skip
"""Published NMSE at full size, mean over CDL-A, C and D, three delay spreads and speeds, 0 to 25 dB."""
NAMES = TITLES | {
    "pad": "PAD",
    "ar": "AR, each antenna",
    "vector_ar": "AR, all antennas",
    "wiener": "Wiener",
    "persistence": "no prediction",
}


def run_seed(seed: int) -> dict[str, float]:
    """Train all networks with one seed; return every score.

    Returns
    -------
    dict
        ``DUPLEX/SET/METHOD/nmse``, ``.../spectral_efficiency``, ``.../won`` (share of the scenarios with rank
        1, its interval ``won_low``, ``won_high``) and ``.../rank``; sets are noises, ``noisy`` for all but
        white noise, and the same below ``unseen``. ``DUPLEX/coverage/CONDITION``, the share of values inside
        their discs, and ``DUPLEX/coverage_off/KIND``, how far from the level it is at the worst degree of a
        kind of noise; ``DUPLEX/link/...`` of `links.values`;
        ``DUPLEX/parameters/METHOD``, ``DUPLEX/flops/METHOD``.
    """
    keys = [(network, duplex) for duplex in TASKS for network in NETWORKS]
    made = dict(zip(keys, training.final_runs(keys, seed), strict=True))
    values: dict[str, float] = {}
    for duplex in TASKS:
        networks = {name: runs.network(made[name, duplex]) for name in NETWORKS}
        values |= runs.prefixed(duplex, _scores(duplex, networks))
        sizes = {name: runs.parameters(made[name, duplex]) for name in NETWORKS}
        values |= runs.prefixed(f"{duplex}/parameters", sizes)
    return values


def opened(duplex: str, data: str, *extra: str) -> Opened:
    """Return the experiment that scores one duplex mode on data, with baselines."""
    baselines = f"task.baselines=[{','.join(BASELINES[duplex])}]"
    task = f"task={TASKS[duplex]}"
    words = ["experiment=csi/csi4cast", "size=tiny", task, METRICS, baselines, f"dataset={data}", *extra]
    return runs.open_experiment(words)


def conditions(noises: Sequence[tuple[str, float]]) -> str:
    """Return the override that scores under noises."""
    nodes = [f"{{name: csi/noise, kind: {kind}, degree: {degree:g}}}" for kind, degree in noises]
    return f"task.conditions=[{','.join(nodes)}]"


def _scores(duplex: str, networks: Mapping[str, Method]) -> dict[str, float]:
    """Score at home under all noise, in unseen scenarios under white noise, and on a link."""
    home = opened(duplex, str(training.home()), GROUPS, conditions((*AWGN, *DISTURBED)))
    baselines = {name.rpartition("/")[2]: method for name, method in fitted_baselines(home).items()}
    methods = {**networks, **baselines}
    calibrations = calibrations_of({OURS: networks[OURS]}, home, device=runs.CPU)
    values = compared(methods, home, "test", calibrations)
    kinds = [f"unseen {name}" for name in training.UNSEEN]
    found = []
    for kind, (_, url) in zip(kinds, training.unseen().items(), strict=True):
        there = opened(duplex, str(url), GROUPS, conditions(AWGN))
        table = scored(methods, there, "train", calibrations)
        values |= runs.prefixed(kind, summary(_under(table, ("awgn",))))
        values |= {f"coverage/{kind}": held(table)[UNDISTURBED]}
        found.append(table)
    # Scenarios are told apart by their names, which no two stores share.
    whole = replace(found[0], rows=[row for table in found for row in table.rows])
    values |= runs.prefixed("unseen/awgn", summary(_under(whole, ("awgn",))))
    costs = overheads(methods, one_record(home, "test", runs.CPU))
    values |= {f"flops/{each.method}": float(each.flops) for each in costs}
    values |= runs.prefixed("coverage_off", off(values))
    return values | runs.prefixed("link", links.values(networks[OURS], home))


def compared(
    methods: Mapping[str, Method], on: Opened, split: str, calibrations: Calibrations
) -> dict[str, float]:
    """Return scores and ranks under each kind of noise and under all but white noise, and coverages."""
    table = scored(methods, on, split, calibrations)
    values: dict[str, float] = {}
    for name, kinds in {"awgn": ("awgn",), **{noise: (noise,) for noise in NOISES}, "noisy": NOISES}.items():
        values |= runs.prefixed(name, summary(_under(table, kinds)))
    return values | runs.prefixed("coverage", held(table))


def scored(methods: Mapping[str, Method], on: Opened, split: str, calibrations: Calibrations) -> Table:
    """Score methods under all conditions of an experiment."""
    return score(
        methods, on, split=split, device=runs.CPU, calibrations=calibrations, conditions=on.conditions
    )


def held(table: Table) -> dict[str, float]:
    """Return the share of values inside our network's discs, by condition such as ``phase 10``."""
    rows = [row for row in table.rows if (row.method, row.metric, row.group) == (OURS, "coverage", ALL)]
    return {_short(row.condition): row.value for row in rows}


def off(values: Mapping[str, float]) -> dict[str, float]:
    """Return how far coverage is from the level: undisturbed, and at the worst degree of each kind."""
    found: dict[str, float] = {}
    for name, value in values.items():
        where, _, condition = name.partition("/")
        if where == "coverage":
            kind = condition if condition.startswith("unseen") else condition.partition(" ")[0]
            found[kind] = max(found.get(kind, 0.0), abs(value - LEVEL))
    return found


def summary(table: Table) -> dict[str, float]:
    """Return mean scores over scenarios, and how many of them each method wins."""
    rows = [row for row in table.rows if row.group != ALL]
    found: dict[str, list[float]] = {}
    for row in rows:
        if row.metric != "coverage":
            found.setdefault(f"{row.method}/{row.metric.rpartition('/')[2]}", []).append(row.value)
    values = {name: mean(each) for name, each in found.items()}
    for rank in next(iter(rankings(replace(table, rows=rows)))).ranks:
        won, low, high = rank.shares[0]
        values |= {f"{rank.method}/won": won, f"{rank.method}/won_low": low, f"{rank.method}/won_high": high}
        values[f"{rank.method}/rank"] = rank.mean[0]
    return values


def _under(table: Table, kinds: Sequence[str]) -> Table:
    """Return the rows under kinds of noise."""
    return replace(
        table, rows=[row for row in table.rows if _short(row.condition).partition(" ")[0] in kinds]
    )


def _short(condition: str) -> str:
    """Return `phase 10` for a condition such as `csi/noise, kind phase, degree 10`."""
    return " ".join(part.rpartition(" ")[2] for part in condition.split(", ")[1:]) or condition


def claims() -> list[Claim]:
    """Return the claims on networks."""
    experiment = Experiment("csi", "networks", run_seed, tables=tables)

    def claim(text: str, metric: str, ours: str, baseline: str, rival: str, **given: Any) -> Claim:
        return Claim(
            claim=text,
            metric=metric,
            experiment=experiment,
            ours=ours,
            baseline=baseline,
            baseline_name=rival,
            **{"source": SOURCE, **given},
        )

    found = []
    for duplex, rival in (("TDD", "pad"), ("FDD", "rnn")):
        for name, folder in SETS.items():
            found.append(
                claim(
                    f"CSI-4CAST is the best of all in more {name} scenarios than {NAMES[rival]}, {duplex}",
                    "share of the scenarios with the least NMSE",
                    f"{duplex}/{folder}/{OURS}/won",
                    f"{duplex}/{folder}/{rival}/won",
                    NAMES[rival],
                    compare="higher_by",
                    published=PUBLISHED[duplex][name][OURS] / 100,
                )
            )
        found += [
            claim(
                f"CSI-4CAST predicts better than a {TITLES[network]} of equal size, {duplex}",
                "NMSE, mean over regular scenarios at 0 to 25 dB",
                f"{duplex}/awgn/{OURS}/nmse",
                f"{duplex}/awgn/{network}/nmse",
                TITLES[network],
            )
            for network in ("rnn", "cnn_autoencoder")
        ]
        found += [
            claim(
                f"Discs of 90 % hold 87 to 93 % of {what}, {duplex}",
                metric,
                f"{duplex}/coverage_off/{kind}",
                f"{duplex}/coverage_off/{kind}",
                "level asked for",
                compare="at_most",
                bound=OFF,
                source="ours",
            )
            for kind, what, metric in _disc_claims()
        ]
        found += [
            claim(
                f"Zero forcing by CSI-4CAST carries more than by the last snapshot, {duplex}",
                "throughput, bit/s/Hz of each of two users",
                f"{duplex}/link/zero_forcing/predicted/throughput",
                f"{duplex}/link/zero_forcing/outdated/throughput",
                "last snapshot",
                source="ours",
                compare="higher_by",
            ),
        ]
    return found


def _disc_claims() -> list[tuple[str, str, str]]:
    """Return a name in the values, whose values discs hold, and what is measured."""
    distance = "distance of the share of values inside their disc from 0.9"
    noises = {"awgn": "white noise", "phase": "phase noise", "burst": "bursts", "packet_drop": "lost packets"}
    return [
        (UNDISTURBED, "regular records not seen in training", distance),
        *(
            (kind, f"such records at every degree of {noise}", f"{distance}, at the worst degree")
            for kind, noise in noises.items()
        ),
        *(
            (f"unseen {name}", f"records of unseen {name}", f"{distance}, noise of 0 to 25 dB")
            for name in training.UNSEEN
        ),
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the tables: scenarios won, errors, coverage, links."""
    known = averages(values)
    return [
        table
        for duplex in TASKS
        for table in (_won(known, duplex), _errors(known, duplex), _held(known, duplex))
    ] + [links.table(known, TASKS)]


def _methods(duplex: str) -> list[str]:
    return [*NETWORKS, *(name.rpartition("/")[2] for name in BASELINES[duplex])]


def _won(known: Mapping[str, float], duplex: str) -> ResultTable:
    def share(method: str, name: str, folder: str) -> str:
        value, low, high = (
            100 * known[f"{duplex}/{folder}/{method}/won{end}"] for end in ("", "_low", "_high")
        )
        published = PUBLISHED[duplex][name].get(method)
        return f"{value:.0f} ({low:.0f} to {high:.0f}); {'-' if published is None else f'{published:.1f}'}"

    return ResultTable(
        f"{duplex}: share of the scenarios won, %, with its 95 % interval over scenarios; published at full "
        "size, where LLM4CP and StemGNN compete as well",
        ("method", "parameters", "million operations", *SETS),
        [
            [
                NAMES[method],
                cell(known, f"{duplex}/parameters/{method}", digits=0),
                f"{known[f'{duplex}/flops/{method}'] / 1e6:.1f}",
                *(share(method, name, folder) for name, folder in SETS.items()),
            ]
            for method in _methods(duplex)
        ],
    )


def _errors(known: Mapping[str, float], duplex: str) -> ResultTable:
    columns = {
        "regular": "awgn",
        **{noise.replace("_", " "): noise for noise in NOISES},
        **{f"unseen {name}": f"unseen {name}" for name in training.UNSEEN},
    }
    return ResultTable(
        f"{duplex}: NMSE / spectral efficiency in bit/s/Hz, mean over scenarios and degrees of noise; "
        "published NMSE at full size, over more scenarios",
        ("method", *columns, "published, regular"),
        [
            [
                NAMES[method],
                *(
                    cell(known, *(f"{duplex}/{c}/{method}/{m}" for m in ("nmse", "spectral_efficiency")))
                    for c in columns.values()
                ),
                f"{NMSE[duplex][method]:.3f}" if method in NMSE[duplex] else "-",
            ]
            for method in _methods(duplex)
        ],
    )


def _held(known: Mapping[str, float], duplex: str) -> ResultTable:
    start = f"{duplex}/coverage/"
    shares = {n.removeprefix(start): v for n, v in known.items() if n.startswith(start)}
    rows = [[name.replace("_", " "), f"{100 * v:.1f}"] for name, v in shares.items()]
    title = (
        f"{duplex}: share of the test values inside discs of 90 %, %. They are calibrated on validation "
        "records under the noise of training (undisturbed: 0 to 25 dB); degrees in dB, of packet drops "
        "their probability"
    )
    return ResultTable(title, ("noise", "inside"), rows)
