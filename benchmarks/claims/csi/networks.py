"""Networks of equal size and classical predictors of channels: under noise, elsewhere, and on a link."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
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
TRACED = "csi4cast_traced"
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
    TRACED: "CSI-4CAST, trained on traced channels",
}


def run_seed(seed: int) -> dict[str, float]:
    """Train all networks with one seed; return every score.

    Returns
    -------
    dict
        ``DUPLEX/SET/METHOD/nmse``, ``.../spectral_efficiency``, ``.../won`` (share of the scenarios with rank
        1, its interval ``won_low``, ``won_high``) and ``.../rank``; sets are noises, ``noisy`` for all but
        white noise, and the same below ``unseen``. ``DUPLEX/coverage/SET``; ``DUPLEX/traced/METHOD/nmse``;
        ``DUPLEX/link/...`` of `links.values`; ``DUPLEX/parameters/METHOD``, ``DUPLEX/flops/METHOD``.
    """
    stores = {"home": training.home(), "traced": training.traced()}
    keys = [(network, duplex, stores["home"]) for duplex in TASKS for network in NETWORKS]
    keys += [(OURS, duplex, stores["traced"]) for duplex in TASKS]
    made = dict(zip(keys, training.final_runs(keys, seed), strict=True))
    values: dict[str, float] = {}
    for duplex in TASKS:
        networks = {name: runs.network(made[name, duplex, stores["home"]]) for name in NETWORKS}
        traced = runs.network(made[OURS, duplex, stores["traced"]])
        values |= runs.prefixed(duplex, _scores(duplex, networks, stores["home"]))
        values |= runs.prefixed(
            f"{duplex}/traced", _elsewhere(duplex, {**networks, TRACED: traced}, stores["traced"])
        )
        sizes = {name: runs.parameters(made[name, duplex, stores["home"]]) for name in NETWORKS}
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


def _scores(duplex: str, networks: Mapping[str, Method], store: Path) -> dict[str, float]:
    """Score at home under all noise, in unseen scenarios under white noise, and on a link."""
    home = opened(duplex, str(store), GROUPS, conditions((*AWGN, *DISTURBED)))
    baselines = {name.rpartition("/")[2]: method for name, method in fitted_baselines(home).items()}
    methods = {**networks, **baselines}
    tables = calibrations_of({OURS: networks[OURS]}, home, device=runs.CPU)
    values = compared(methods, home, "test", tables)
    kinds = [f"unseen {name}" for name in training.UNSEEN]
    found = []
    for kind, (_, url) in zip(kinds, training.unseen().items(), strict=True):
        there = opened(duplex, str(url), GROUPS, conditions(AWGN))
        table = score(methods, there, split="train", device=runs.CPU, conditions=there.conditions)
        values |= runs.prefixed(kind, summary(_under(table, ("awgn",))))
        found.append(table)
    # Scenarios are told apart by their names, which no two stores share.
    whole = replace(found[0], rows=[row for table in found for row in table.rows])
    values |= runs.prefixed("unseen/awgn", summary(_under(whole, ("awgn",))))
    costs = overheads(methods, one_record(home, "test", runs.CPU))
    values |= {f"flops/{each.method}": float(each.flops) for each in costs}
    return values | runs.prefixed("link", links.values(networks[OURS], home))


def compared(
    methods: Mapping[str, Method], on: Opened, split: str, calibrations: Calibrations
) -> dict[str, float]:
    """Return scores and ranks under each kind of noise and under all but white noise, and coverages."""
    table = score(
        methods, on, split=split, device=runs.CPU, calibrations=calibrations, conditions=on.conditions
    )
    values: dict[str, float] = {}
    for name, kinds in {"awgn": ("awgn",), **{noise: (noise,) for noise in NOISES}, "noisy": NOISES}.items():
        values |= runs.prefixed(name, summary(_under(table, kinds)))
    held = [row for row in table.rows if (row.method, row.metric, row.group) == (OURS, "coverage", ALL)]
    values |= {f"coverage/{_short(row.condition)}": row.value for row in held}
    return values | {"coverage/off": abs(values[f"coverage/{UNDISTURBED}"] - LEVEL)}


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


def _elsewhere(duplex: str, methods: Mapping[str, Method], store: Path) -> dict[str, float]:
    """Score on traced channels, with the noise of training; baselines are fitted on such channels."""
    there = opened(duplex, str(store), "task.groups=[]", "task.conditions=[]")
    return runs.scored({**methods, **fitted_baselines(there)}, there, "{method}/{metric}")


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
                f"Intervals of 90 % hold 87 to 93 % of regular records not seen in training, {duplex}",
                "distance of the share of values inside their disc from 0.9",
                f"{duplex}/coverage/off",
                f"{duplex}/coverage/off",
                "level asked for",
                compare="at_most",
                bound=OFF,
                source="ours",
            ),
            claim(
                f"CSI-4CAST has to learn traced channels: the one that learned CDL is worse there, {duplex}",
                "NMSE, test flights through a city",
                f"{duplex}/traced/{TRACED}/nmse",
                f"{duplex}/traced/{OURS}/nmse",
                "CSI-4CAST, trained on CDL",
                source="ours",
            ),
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


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the tables: scenarios won, errors, coverage, elsewhere, links."""
    known = averages(values)
    return [
        table
        for duplex in TASKS
        for table in (_won(known, duplex), _errors(known, duplex), _held(known, duplex))
    ] + [_traced(known), links.table(known, TASKS)]


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
    rows = [[name.replace("_", " "), f"{100 * v:.1f}"] for name, v in shares.items() if name != "off"]
    title = (
        f"{duplex}: share of the test values inside discs of 90 %, %. They are calibrated on validation "
        "records under the noise of training (undisturbed: 0 to 25 dB); degrees in dB, of packet drops "
        "their probability"
    )
    return ResultTable(title, ("noise", "inside"), rows)


def _traced(known: Mapping[str, float]) -> ResultTable:
    names = [*NETWORKS, TRACED, *_methods("TDD")[len(NETWORKS) :]]
    return ResultTable(
        "Channels traced along flights through a city, noise of 0 to 25 dB: NMSE. Networks have learned CDL "
        "where nothing else is said",
        ("method", *TASKS),
        [[NAMES[name], *(cell(known, f"{duplex}/traced/{name}/nmse") for duplex in TASKS)] for name in names],
    )
