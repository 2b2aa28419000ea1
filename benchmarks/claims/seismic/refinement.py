"""Refinement through the solver of a network's predictions on models that it never saw."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

import surrogates
from benchmarks.claims.claim import Claim, Experiment, seed_interval
from benchmarks.claims.seismic import training
from benchmarks.claims.seismic.training import HOMES
from benchmarks.claims.tables import ResultTable, averages, cell
from datasets.store.layout import open_store

STEPS, EACH = 50, 6
KEYS = {"frequencies": (), "smoothing": (1.5, 4.0)}
"""One stage with the whole gathers, which was measured."""


def run_seed(seed: int) -> dict[str, float]:
    """Invert unseen gathers by one seed's Latent U-Net and refine; return errors and misfits."""
    from joblib import Parallel, delayed

    made = training.final_runs(seed, ["latent_unet"])
    families = Parallel(n_jobs=2)(delayed(refined)(str(made["latent_unet", f]), f, seed) for f in HOMES)
    return {key: value for each in families for key, value in each.items()}


def refined(run: str, family: str, seed: int) -> dict[str, float]:
    """Return the numbers of one family; each seed takes other models of the test subset."""
    torch.set_num_threads(1)
    store = open_store(str(training.home(family)))
    unseen = np.flatnonzero(store.split("split") == 2)[EACH * seed : EACH * (seed + 1)]
    data = store.dataset().isel(sample=unseen).load()
    found = surrogates.load(run, device="cpu").seismic.invert(
        data[["shot_gather"]], refine_steps=STEPS, progress=False, **KEYS
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
        values |= {f"{family}/{kind}/gain/{number}": float(each) for number, each in enumerate(gain)}
    return values


def claims() -> list[Claim]:
    """Return the claims on refinement."""
    experiment = Experiment("seismic", "refinement", run_seed, tables=tables)
    found = []
    for family in HOMES:
        gain = Claim(
            claim=f"{STEPS} steps through the solver bring the network's answers nearer to the truth, "
            f"{family}",
            source="ours",
            metric=f"gain in MAE of velocity, m/s, {EACH} unseen models a seed",
            experiment=experiment,
            ours=f"{family}/mae/gain",
            baseline=f"{family}/mae/network",
            baseline_name="MAE of the network's own answer",
            compare="at_least",
            surely_above=0.0,
        )
        misfit = Claim(
            claim=f"They halve the misfit of its gathers, {family}",
            source="ours",
            metric=f"relative L2 misfit of gathers, {EACH} unseen models a seed",
            experiment=experiment,
            ours=f"{family}/misfit/refined",
            baseline=f"{family}/misfit/network",
            baseline_name="misfit of the network's own answer",
            compare="times_lower",
            bound=2.0,
        )
        found += [gain, misfit]
    return found


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the table of all models of all seeds: before, after, and Student's interval of the gain."""
    known = averages(values)
    lines = []
    for name in (f"{family}/{kind}" for family in HOMES for kind in ("mae", "misfit")):
        family, kind = name.split("/")
        digits = 1 if kind == "mae" else 4
        gains = [each[f"{name}/gain/{number}"] for each in values for number in range(EACH)]
        low, high = seed_interval(gains)
        lines.append(
            [
                family,
                "MAE, m/s" if kind == "mae" else "misfit",
                *(cell(known, f"{name}/{stage}", digits=digits) for stage in ("network", "refined")),
                f"{known[f'{name}/gain']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})",
                f"{sum(gain > 0 for gain in gains)} of {len(gains)}",
            ]
        )
    header = ("family", "what", "network", "refined", "gain (95 % interval over models)", "better")
    title = f"Latent U-Net refined by {STEPS} steps through the solver, {EACH} unseen models for each seed"
    return [ResultTable(title, header, lines)]
