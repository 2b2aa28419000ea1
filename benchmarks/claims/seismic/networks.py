"""Networks of equal size on a flat and on a faulted family: at home, disturbed, and elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.claims import files, runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.seismic import published, training
from benchmarks.claims.seismic.training import GFI, HOMES, INVERSE, NETWORKS, OTHERS
from benchmarks.claims.tables import ResultTable, averages, cell
from surrogates.domains.seismic.names import VELOCITY

MAE, RMSE, SSIM = (f"{VELOCITY}/{metric}" for metric in ("mae", "rmse", "ssim"))
DISTURBED = {
    "noise of 20 dB": "{name: seismic/noise, snr: 20}",
    "noise of 10 dB": "{name: seismic/noise, snr: 10}",
    "noise of 0 dB": "{name: seismic/noise, snr: 0}",
    "10 % of receivers dead": "{name: seismic/missing_receivers, share: 0.1}",
    "30 % of receivers dead": "{name: seismic/missing_receivers, share: 0.3}",
}
SECTIONS = {"section": 0.0, "smooth section": 2.0}
ONLY_MAE = ("task.metrics=[mae]", "task.derivations=[]", "task.baselines=[mean]")


def run_seed(seed: int) -> dict[str, float]:
    """Train all networks on both families with one seed; return every score."""
    found = training.final_runs(seed)
    values = {f"parameters/{network}": runs.parameters(found[network, HOMES[0]]) for network in INVERSE}
    for (network, family), run in found.items():
        values |= runs.prefixed(family, runs.own_scores(run))
        values |= runs.prefixed(
            f"{family}/{network}", _disturbed(network, family, run) | _elsewhere(network, run)
        )
        errors = training.tried(network, family)
        values |= {f"{family}/{network}/rate/{lr}": error for lr, error in errors.items()}
    return values


def _disturbed(network: str, family: str, run: Path) -> dict[str, float]:
    """Score on the family of training with each disturbance."""
    return {
        f"disturbed/{title}": _mae(
            run, training.overrides(network, family, f"task.preparations=[{node}]", *ONLY_MAE)
        )["all"]
        for title, node in DISTURBED.items()
    }


def _elsewhere(network: str, run: Path) -> dict[str, float]:
    """Score on all families, and on the tiles of the section if its file is at hand."""

    def on(store: Path, split: str) -> dict[str, float]:
        return _mae(run, [*training.overrides(network, HOMES[0]), f"dataset={store}", *ONLY_MAE], split)

    scores = on(training.elsewhere(), "train")
    found = {f"on/{family}": scores[family] for family in OTHERS}
    if (files.folder("seismic") / training.SECTION).is_file():
        found |= {
            f"on/{title}": on(training.tiles(sigma), "test")["all"] for title, sigma in SECTIONS.items()
        }
    return found


def _mae(run: Path, overrides: Sequence[str], split: str = "test") -> dict[str, float]:
    """Return the MAE of velocity of a run's network on the data of a command line by group, m/s."""
    return runs.scored({"network": runs.network(run)}, runs.open_experiment(overrides), "{group}", split)


def claims() -> list[Claim]:
    """Return the claims on networks."""
    experiment = Experiment("seismic", "networks", run_seed, tables=tables)

    def claim(text: str, family: str, network: str, baseline: str, baseline_name: str, **given: Any) -> Claim:
        return Claim(
            claim=text,
            metric=f"MAE of velocity in m/s, {family}",
            experiment=experiment,
            ours=f"{family}/{network}/{MAE}",
            baseline=f"{family}/{baseline}",
            baseline_name=baseline_name,
            **given,
        )

    found = []
    for family, other in zip(HOMES, reversed(HOMES), strict=True):
        found += [
            claim(
                f"{NETWORKS[network]} inverts {family} better than InversionNet of equal size",
                *(family, network, f"inversion_net/{MAE}", "InversionNet"),
                source=GFI,
                published=published.published(network, family),
            )
            for network in ("latent_unet", "invertible_x_net")
        ]
        found += [
            claim(
                f"{NETWORKS[network]} is at least 40 % nearer than the mean model, {family}",
                *(family, network, f"mean/{MAE}", "mean model"),
                source="ours",
                compare="times_lower",
                bound=1 / 0.6,
            )
            for network in INVERSE
        ]
        found.append(
            claim(
                f"Latent U-Net beats the nearest neighbour, {family}",
                *(family, "latent_unet", f"nearest_neighbours/{MAE}", "nearest neighbour"),
                source="ours",
            )
        )
        found += [
            claim(
                f"{NETWORKS[network]} that learned {family} is five times as far off on {other}",
                *(family, network, f"{network}/on/{other}", f"on {other}"),
                source=f"ours, after the cross-family tables of {GFI}",
                compare="times_lower",
                bound=5.0,
            )
            for network in INVERSE
        ]
    return found


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the tables: home, by depth, learning rates, disturbed, elsewhere."""
    known = averages(values)

    def home(method: str, family: str) -> str:
        name = f"{family}/{method}"
        return f"{cell(known, f'{name}/{MAE}', f'{name}/{RMSE}', digits=1)} / {cell(known, f'{name}/{SSIM}')}"

    def all_networks(family: str, name: str) -> str:
        return cell(known, *(f"{family}/{network}/{name}" for network in INVERSE), digits=0)

    bands = [f"{VELOCITY}_depth_{low}_{low + 230}_m/mae" for low in (0, 230, 460)]
    disturbed = {"none": MAE} | {title: f"disturbed/{title}" for title in DISTURBED}
    names = " / ".join(NETWORKS[network] for network in INVERSE)
    return [
        ResultTable(
            "Inversion at home, mean over seeds: MAE / RMSE in m/s / SSIM. As context the published MAE of "
            "networks of 18 to 26 million parameters (X-Net: the better of two optimisers) that learned 24 "
            "to 48 thousand samples of OpenFWI",
            ("method", "parameters", *HOMES, "published MAE"),
            [
                [
                    NETWORKS.get(method, method.replace("_", " ")),
                    cell(known, f"parameters/{method}", digits=0),
                ]
                + [home(method, family) for family in HOMES]
                + [" / ".join(_published(method, family) for family in HOMES)]
                for method in (*INVERSE, "nearest_neighbours", "mean")
            ],
        ),
        ResultTable(
            "Inversion at home by depth: MAE in m/s of 0-230 / 230-460 / 460-690 m",
            ("method", *HOMES),
            [
                [NETWORKS[n], *(cell(known, *(f"{f}/{n}/{b}" for b in bands), digits=1) for f in HOMES)]
                for n in INVERSE
            ],
        ),
        ResultTable(
            f"Learning rates: validation MAE in m/s after {training.SHORT} steps, seed 0; the least is taken",
            ("method", "family", *(str(lr) for lr in training.RATES)),
            [
                [NETWORKS[n], f, *(cell(known, f"{f}/{n}/rate/{lr}", digits=1) for lr in training.RATES)]
                for n in INVERSE
                for f in HOMES
            ],
        ),
        ResultTable(
            f"Inversion of disturbed gathers, networks trained on clean ones: MAE in m/s, {names}",
            ("disturbance", *HOMES),
            [[title, *(all_networks(family, name) for family in HOMES)] for title, name in disturbed.items()],
        ),
        ResultTable(
            f"Inversion elsewhere: MAE in m/s by family of training, {names}",
            ("tested on", *(f"trained on {family}" for family in HOMES)),
            [
                [data, *(all_networks(family, f"on/{data}") for family in HOMES)]
                for data in (*OTHERS, *SECTIONS)
            ],
        ),
    ]


def _published(method: str, family: str) -> str:
    value = published.published(method, family) if method in published.MODELS else None
    return "-" if value is None else f"{value:.1f}"
