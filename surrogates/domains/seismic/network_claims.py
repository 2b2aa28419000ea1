"""Networks of equal size on a flat and on a faulted family: at home, disturbed, and elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surrogates.domains.seismic import claim_runs as runs
from surrogates.domains.seismic.claim_runs import CODE, GFI, HOMES, INVERSE, NETWORKS
from surrogates.domains.seismic.names import VELOCITY
from surrogates.runs.claims import Claim, Experiment, ResultTable, averages, cell

NAME = "networks"
MAE, RMSE, SSIM = (f"{VELOCITY}/{metric}" for metric in ("mae", "rmse", "ssim"))
DISTURBED = {
    "noise of 20 dB": "{name: seismic/noise, snr: 20}",
    "noise of 10 dB": "{name: seismic/noise, snr: 10}",
    "noise of 0 dB": "{name: seismic/noise, snr: 0}",
    "10 % of receivers dead": "{name: seismic/missing_receivers, share: 0.1}",
    "30 % of receivers dead": "{name: seismic/missing_receivers, share: 0.3}",
}
SECTIONS = {"section": 0.0, "smooth section": 2.0}
PUBLISHED = {
    "inversion_net": "InversionNet",
    "latent_unet": "UNetInverseModel_17M",
    "invertible_x_net": "Invertible_XNet_Adam",
}
"""Names in the table of the publication; of its X-Nets that with Adam, as ours."""


def run_seed(seed: int) -> dict[str, float]:
    """Train all networks on both families with one seed; return every score."""
    found = runs.final_runs(seed)
    values = runs.parameters((network, run) for (network, family), run in found.items() if family == HOMES[0])
    for (network, family), run in found.items():
        values |= runs.named(family, runs.scores_of(run))
        values |= runs.named(f"{family}/{network}", _disturbed(network, family, run))
        values |= runs.named(f"{family}/{network}", _elsewhere(network, run))
        errors = runs.tried(network, family)
        values |= {f"{family}/{network}/rate/{lr}": error for lr, error in errors.items()}
    return values


def published(network: str, family: str) -> float | None:
    """Return the published MAE at home in m/s, where the file of published scores is at hand."""
    from surrogates.domains.seismic.published import published_file, published_matrix

    if not published_file().is_file():
        return None
    matrix = published_matrix(PUBLISHED[network])
    return float(matrix.values[matrix.trained.index(family), matrix.tested.index(family)])


def _disturbed(network: str, family: str, run: Path) -> dict[str, float]:
    from surrogates.runs.cache import open_experiment

    found = {}
    for title, node in DISTURBED.items():
        on = open_experiment(runs.words(network, family, f"task.preparations=[{node}]", *_mae_alone()))
        found[f"disturbed/{title}"] = runs.scored(run, on)[MAE]
    return found


def _elsewhere(network: str, run: Path) -> dict[str, float]:
    """Score on all families, and on the tiles of the section where its file is at hand."""
    from surrogates.runs.cache import open_experiment

    def on(store: Path, split: str) -> dict[str, float]:
        data = open_experiment([*runs.words(network, HOMES[0]), f"dataset={store}", *_mae_alone()])
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

    for family in HOMES:
        for network in ("latent_unet", "invertible_x_net"):
            title = f"{NETWORKS[network]} inverts {family} better than InversionNet of equal size"
            claim(
                title,
                family,
                f"{network}/{MAE}",
                f"inversion_net/{MAE}",
                baseline_name="InversionNet",
                published=published(network, family),
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
        other = next(each for each in HOMES if each != family)
        for network in INVERSE:
            claim(
                f"{NETWORKS[network]} that learned {family} is five times as far off on {other}",
                family,
                f"{network}/{MAE}",
                f"{network}/on/{other}",
                baseline_name=f"on {other}",
                source="ours, after the cross-family tables of " + GFI,
                compare="times_lower",
                bound=5.0,
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
        + [" / ".join(_shown(method, family) for family in HOMES)]
        for method in (*INVERSE, "nearest_neighbours", "mean")
    ]
    bands = [f"{VELOCITY}_depth_{low}_{low + 230}_m/mae" for low in (0, 230, 460)]
    return [
        ResultTable(
            "Inversion at home, mean over seeds: MAE / RMSE in m/s / SSIM. As context the published MAE of "
            "networks of 18 to 26 million parameters (X-Net: the better of two optimisers) that learned 24 "
            "to 48 thousand samples of OpenFWI",
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
            f"Learning rates: validation MAE in m/s after {runs.SHORT} steps, seed 0; the least is taken",
            ("method", "family", *(str(lr) for lr in runs.RATES)),
            [
                [NETWORKS[n], f, *(cell(values, f"{f}/{n}/rate/{lr}", digits=1) for lr in runs.RATES)]
                for n in INVERSE
                for f in HOMES
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


def _shown(method: str, family: str) -> str:
    value = published(method, family) if method in PUBLISHED else None
    return "-" if value is None else f"{value:.1f}"


def _row(values: Mapping[str, float], family: str, name: str) -> str:
    return cell(values, *(f"{family}/{network}/{name}" for network in INVERSE), digits=0)
