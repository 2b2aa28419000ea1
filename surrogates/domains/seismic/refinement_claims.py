"""What refinement through the solver does to a network's own answers on models that it never saw."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from surrogates.domains.seismic import claim_runs as runs
from surrogates.domains.seismic.claim_runs import CODE, HOMES
from surrogates.evaluation.claims import Claim, Experiment, ResultTable, averages, cell

NAME, STEPS, EACH = "refinement", 50, 8
DRAWS = 2000  # of the bootstrap


def run_seed(seed: int) -> dict[str, float]:
    """Invert unseen gathers by one seed's Latent U-Net and refine; return errors, misfits and intervals."""
    from joblib import Parallel, delayed

    made = runs.final_runs(seed, ["latent_unet"])
    parts = Parallel(n_jobs=2)(delayed(refined)(str(made["latent_unet", f]), f, seed) for f in HOMES)
    return {key: value for part in parts for key, value in part.items()}


def refined(run: str, family: str, seed: int) -> dict[str, float]:
    """Return the numbers of one family; each seed takes other models of the test part."""
    import torch

    import surrogates
    from datasets.store.layout import open_store

    torch.set_num_threads(1)
    store = open_store(str(runs.home(family)))
    unseen = np.flatnonzero(store.split("split") == 2)[EACH * seed : EACH * (seed + 1)]
    data = store.dataset().isel(sample=unseen).load()
    found = surrogates.load(run, device="cpu").invert(
        data[["shot_gather"]], refine_steps=STEPS, progress=False
    )
    truth = data.velocity_model.to_numpy()
    errors = {
        stage: np.abs(found[name].to_numpy() - truth).mean(axis=(1, 2))
        for stage, name in (("network", "velocity_model"), ("refined", "velocity_model_refined"))
    }
    misfit = found.data_misfit.to_numpy()
    misfits = {"network": misfit[:, 0], "refined": misfit[:, -1]}
    values: dict[str, float] = {}
    for kind, numbers in (("mae", errors), ("misfit", misfits)):
        gain = numbers["network"] - numbers["refined"]
        low, high = interval(gain, seed)
        values |= {f"{family}/{kind}/{stage}": float(each.mean()) for stage, each in numbers.items()}
        values |= {f"{family}/{kind}/gain_low": low, f"{family}/{kind}/gain_high": high}
        values |= {
            f"{family}/{kind}/gain": float(gain.mean()),
            f"{family}/{kind}/better": float((gain > 0).mean()),
        }
    return values


def interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the 95 % interval of a mean by bootstrap over models."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(DRAWS, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def claims() -> list[Claim]:
    """Return the claims on refinement."""
    experiment = Experiment(NAME, f"{CODE} {NAME} {{seed}}", run_seed)
    found = []
    for family in HOMES:
        for kind, what in (("misfit", "relative L2 misfit of gathers"), ("mae", "MAE of velocity in m/s")):
            found.append(
                Claim(
                    f"{STEPS} steps through the solver lower the {kind.replace('mae', 'error')} of the "
                    f"network's own answers, {family}",
                    "ours",
                    f"{what}: gain on {EACH} unseen models a seed",
                    experiment,
                    f"{family}/{kind}/gain",
                    f"{family}/{kind}/gain",
                    "the network's own answer",
                    "at_least",
                    0.0,
                    surely_above=0.0,
                )
            )
    return found


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return the table of each seed: before, after, and the interval of the gain over models."""
    lines = []
    for row in (each for each in rows if each["experiment"] == NAME):
        for family in HOMES:
            for kind, digits in (("mae", 1), ("misfit", 4)):
                name, values = f"{family}/{kind}", row["values"]
                gain = cell(values, f"{name}/gain", digits=digits)
                ends = cell(values, f"{name}/gain_low", f"{name}/gain_high", digits=digits)
                lines.append(
                    [
                        family,
                        str(row["seed"]),
                        "MAE, m/s" if kind == "mae" else "misfit",
                        cell(values, f"{name}/network", digits=digits),
                        cell(values, f"{name}/refined", digits=digits),
                        f"{gain} ({ends.replace(' / ', ' to ')})",
                        f"{100 * values[f'{name}/better']:.0f} %",
                    ]
                )
    if not averages(rows, NAME):
        return []
    header = ("family", "seed", "what", "network", "refined", "gain (95 % interval over models)", "better")
    return [ResultTable(f"Latent U-Net refined by {STEPS} steps, {EACH} unseen models each", header, lines)]
