"""What refinement through the solver does to a network's own answers on models that it never saw."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from surrogates.domains.seismic import claim_runs as runs
from surrogates.domains.seismic.claim_runs import CODE, HOMES
from surrogates.runs.claims import Claim, Experiment, ResultTable, averages, cell, seed_interval

NAME, STEPS, EACH = "refinement", 50, 6


def run_seed(seed: int) -> dict[str, float]:
    """Invert unseen gathers by one seed's Latent U-Net and refine; return errors and misfits."""
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
    found = surrogates.load(run, device="cpu").seismic.invert(
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
        values |= {f"{family}/{kind}/{stage}": float(each.mean()) for stage, each in numbers.items()}
        gain = numbers["network"] - numbers["refined"]
        values |= {f"{family}/{kind}/gain": float(gain.mean())}
        values |= {f"{family}/{kind}/gain/{place}": float(each) for place, each in enumerate(gain)}
    return values


def claims() -> list[Claim]:
    """Return the claims on refinement."""
    experiment = Experiment(NAME, f"{CODE} {NAME} {{seed}}", run_seed)
    found = []
    for family in HOMES:
        found.append(
            Claim(
                f"{STEPS} steps through the solver bring the network's answers nearer to the truth, {family}",
                "ours",
                f"gain in MAE of velocity, m/s, {EACH} unseen models a seed",
                experiment,
                f"{family}/mae/gain",
                f"{family}/mae/network",
                "MAE of the network's own answer",
                "at_least",
                0.0,
                surely_above=0.0,
            )
        )
        found.append(
            Claim(
                f"They halve the misfit of its gathers, {family}",
                "ours",
                f"relative L2 misfit of gathers, {EACH} unseen models a seed",
                experiment,
                f"{family}/misfit/refined",
                f"{family}/misfit/network",
                "misfit of the network's own answer",
                "times_lower",
                2.0,
            )
        )
    return found


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return the table of all models of all seeds: before, after, and Student's interval of the gain."""
    values = [row["values"] for row in rows if row["experiment"] == NAME]
    means = averages(rows, NAME)
    lines = []
    for family in HOMES if values else ():
        for kind, digits in (("mae", 1), ("misfit", 4)):
            name = f"{family}/{kind}"
            gains = [each[f"{name}/gain/{place}"] for each in values for place in range(EACH)]
            low, high = seed_interval(gains)
            lines.append(
                [
                    family,
                    "MAE, m/s" if kind == "mae" else "misfit",
                    cell(means, f"{name}/network", digits=digits),
                    cell(means, f"{name}/refined", digits=digits),
                    f"{means[f'{name}/gain']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})",
                    f"{sum(gain > 0 for gain in gains)} of {len(gains)}",
                ]
            )
    header = ("family", "what", "network", "refined", "gain (95 % interval over models)", "better")
    title = f"Latent U-Net refined by {STEPS} steps through the solver, {EACH} unseen models for each seed"
    return [ResultTable(title, header, lines)] if lines else []
