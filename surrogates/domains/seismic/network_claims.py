"""Networks of equal size on a flat and on a faulted family: at home, disturbed, and elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surrogates.domains.seismic import claim_runs as runs
from surrogates.domains.seismic.claim_runs import CODE, GFI, HOMES, INVERSE, NETWORKS
from surrogates.domains.seismic.names import VELOCITY
from surrogates.evaluation.claims import Claim, Experiment, ResultTable, averages, cell

NAME = "networks"
MAE, RMSE, SSIM = (f"{VELOCITY}/{metric}" for metric in ("mae", "rmse", "ssim"))
DISTURBED = {
    "noise of 20 dB": "{name: seismic_noise, snr: 20}",
    "noise of 10 dB": "{name: seismic_noise, snr: 10}",
    "noise of 0 dB": "{name: seismic_noise, snr: 0}",
    "10 % of receivers dead": "{name: seismic_missing_receivers, share: 0.1}",
    "30 % of receivers dead": "{name: seismic_missing_receivers, share: 0.3}",
}
SECTIONS = {"section": 0.0, "smooth section": 2.0}
# Scaled MAE of the publication's own table of inversion, times 1500 m/s (FlatVel-A, FlatFault-A).
PUBLISHED = {
    "inversion_net": (0.0065 * 1500, 0.0465 * 1500),
    "latent_unet": (0.0147 * 1500, 0.0104 * 1500),
    "invertible_x_net": (0.0058 * 1500, 0.0207 * 1500),
}


def run_seed(seed: int) -> dict[str, float]:
    """Train all networks on both families with one seed; return every score."""
    found = runs.final_runs(seed)
    values = runs.parameters((network, run) for (network, family), run in found.items() if family == HOMES[0])
    for (network, family), run in found.items():
        values |= runs.named(family, runs.scores_of(run))
        values |= runs.named(f"{family}/{network}", _disturbed(network, family, run))
        values |= runs.named(f"{family}/{network}", _elsewhere(network, run))
    for network in INVERSE:
        values |= {
            f"ratio/{network}": _mean(values[f"{a}/{network}/on/{b}"] for a in HOMES for b in HOMES if a != b)
            / _mean(values[f"{a}/{network}/{MAE}"] for a in HOMES)
        }
    return values


def _mean(values: Any) -> float:
    known = list(values)
    return float(sum(known) / len(known))


def _disturbed(network: str, family: str, run: Path) -> dict[str, float]:
    from surrogates.training.known import opened

    found = {}
    for title, node in DISTURBED.items():
        on = opened(runs.words(network, family, f"task.preparations=[{node}]", *_mae_alone()))
        found[f"disturbed/{title}"] = runs.scored(run, on)[MAE]
    return found


def _elsewhere(network: str, run: Path) -> dict[str, float]:
    """Score on all families, and on the tiles of the section where its file is at hand."""
    from surrogates.training.known import opened

    def on(store: Path, split: str) -> dict[str, float]:
        data = opened([*runs.words(network, HOMES[0]), f"dataset={store}", *_mae_alone()])
        return runs.scored(run, data, split)

    scores = on(runs.elsewhere(), "train")
    found = {f"on/{family}": scores[f"{family}/{MAE}"] for family in runs.OTHERS}
    if (runs.FILES / runs.SECTION).is_file():
        found |= {f"on/{title}": on(runs.tiles(sigma), "test")[MAE] for title, sigma in SECTIONS.items()}
    return found


def _mae_alone() -> list[str]:
    return ["task.metrics=[mae]", "task.derivations=[]", "task.baselines=[mean]"]


def claims() -> list[Claim]:
    """Return the claims on networks."""
    experiment = Experiment(NAME, f"{CODE} {NAME} {{seed}}", run_seed)
    found = []

    def claim(text: str, family: str, ours: str, baseline: str, **given: Any) -> None:
        known = {"source": GFI, "metric": f"MAE of velocity in m/s, {family}", "compare": "lower_by"}
        names = {"ours": f"{family}/{ours}", "baseline": f"{family}/{baseline}"}
        found.append(Claim(claim=text, experiment=experiment, **{**known, "bound": 0.0, **names, **given}))

    for place, family in enumerate(HOMES):
        for network in ("latent_unet", "invertible_x_net"):
            title = f"{NETWORKS[network]} inverts {family} better than InversionNet of equal size"
            claim(
                title,
                family,
                f"{network}/{MAE}",
                f"inversion_net/{MAE}",
                baseline_name="InversionNet",
                published=PUBLISHED[network][place],
            )
        for network in INVERSE:
            claim(
                f"{NETWORKS[network]} is at least 40 % nearer than the mean model, {family}",
                family,
                f"{network}/{MAE}",
                f"mean/{MAE}",
                baseline_name="mean model",
                source="ours",
                compare="times_lower",
                bound=1 / 0.6,
            )
        claim(
            f"Latent U-Net beats the nearest neighbour, {family}",
            family,
            f"latent_unet/{MAE}",
            f"nearest_neighbours/{MAE}",
            baseline_name="nearest neighbour",
            source="ours",
        )
    for network in INVERSE:
        found.append(
            Claim(
                f"{NETWORKS[network]} is at least five times as far off on the other family",
                GFI,
                "MAE on the other family over MAE at home",
                experiment,
                f"ratio/{network}",
                f"ratio/{network}",
                "at home",
                "at_least",
                5.0,
            )
        )
    return found


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return the tables: home, both directions, disturbed, elsewhere."""
    values = averages(rows, NAME)
    if not values:
        return []
    home = [
        [NETWORKS.get(method, method.replace("_", " ")), cell(values, f"parameters/{method}", digits=0)]
        + [
            " / ".join(
                (
                    cell(values, f"{family}/{method}/{MAE}", f"{family}/{method}/{RMSE}", digits=1),
                    cell(values, f"{family}/{method}/{SSIM}"),
                )
            )
            for family in HOMES
        ]
        + [" / ".join(f"{each[place]:.1f}" for place in (0, 1)) if (each := PUBLISHED.get(method)) else "-"]
        for method in (*INVERSE, "nearest_neighbours", "mean")
    ]
    bands = [f"{VELOCITY}_depth_{low}_{low + 230}_m/mae" for low in (0, 230, 460)]
    return [
        ResultTable(
            "Inversion at home, mean over seeds: MAE / RMSE in m/s / SSIM. Published MAE of networks of 18 "
            "to 26 million parameters on OpenFWI's own data (24 to 48 thousand samples) as context",
            ("method", "parameters", *HOMES, "published MAE"),
            home,
        ),
        ResultTable(
            "Inversion at home by depth: MAE in m/s of 0-230 / 230-460 / 460-690 m",
            ("method", *HOMES),
            [
                [NETWORKS[n], *(cell(values, *(f"{f}/{n}/{b}" for b in bands), digits=1) for f in HOMES)]
                for n in INVERSE
            ],
        ),
        ResultTable(
            "Inversion of disturbed gathers, networks trained on clean ones: MAE in m/s, "
            + " / ".join(NETWORKS[network] for network in INVERSE),
            ("disturbance", *HOMES),
            [["none", *(_row(values, f, MAE) for f in HOMES)]]
            + [[title, *(_row(values, f, f"disturbed/{title}") for f in HOMES)] for title in DISTURBED],
        ),
        ResultTable(
            "Inversion elsewhere: MAE in m/s by family of training, "
            + " / ".join(NETWORKS[network] for network in INVERSE),
            ("tested on", *(f"trained on {family}" for family in HOMES)),
            [
                [place, *(_row(values, family, f"on/{place}") for family in HOMES)]
                for place in (*runs.OTHERS, *SECTIONS)
            ],
        ),
    ]


def _row(values: Mapping[str, float], family: str, name: str) -> str:
    return cell(values, *(f"{family}/{network}/{name}" for network in INVERSE), digits=0)
