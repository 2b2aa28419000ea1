"""Refinement of a network's answers on families that it never saw, and whether its warnings are right."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr

import surrogates
from benchmarks.claims import files, runs
from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.seismic import training
from benchmarks.claims.tables import ResultTable, averages, cell
from datasets.seismic.openfwi_like import OpenFWILike
from datasets.store.layout import open_store

HOME = "flatvel-a"
FAMILIES = ("curvevel-a", "flatfault-b", "style-a")
SECTION = "section"
EACH, STEPS, PORTION = 20, 15, 5
BETTER, WARNED, RIGHT = 18, 0.8, 0.5
"""Models that should become better; share of the worse that should be warned of; share of the warned that
should have become worse."""


def run_seed(seed: int) -> dict[str, float]:
    """Train on flat layers, refine answers on other families and on the section; return errors and flags."""
    run = runs.trained_run(training.overrides("latent_unet", HOME, "task.baselines=[mean]"), seed)
    store = unseen(seed)
    family = open_store(str(store)).dataset()["family"].load()
    values: dict[str, float] = {}
    for name in FAMILIES:
        records = np.flatnonzero(family == family.attrs["flag_meanings"].split().index(name))
        values |= runs.prefixed(name, numbers(refined(run, store, records)))
    simulated = {
        name: sum(values[f"{family}/{name}"] for family in FAMILIES)
        for name in ("better", "worse", "warned", "caught")
    }
    values |= runs.prefixed("all", simulated | shares(simulated))
    if (files.folder("seismic") / training.SECTION).is_file():
        tiles = training.tiles(0.0)
        values |= runs.prefixed(
            SECTION, numbers(refined(run, tiles, np.arange(open_store(str(tiles)).records)))
        )
    return values


def unseen(seed: int) -> Path:
    """Return a store of models that neither training nor the choice of keys has seen, EACH of a family."""
    given = {"samples": EACH * len(FAMILIES), "family": list(FAMILIES), "seed": 100 + seed}
    return runs.stored(OpenFWILike.make({"time_stride": training.STRIDE, **given}), f"seismic_unseen_{seed}")


def refined(run: Path, store: Path, records: np.ndarray) -> xr.Dataset:
    """Return errors before and after, misfits and flags of records of a store, refined by two processes."""
    from joblib import Parallel, delayed

    portions = np.array_split(records, -(-len(records) // PORTION))
    found = Parallel(n_jobs=2)(delayed(_portion)(run, store, portion) for portion in portions)
    return xr.concat(found, "sample")


def _portion(run: Path, store: Path, records: np.ndarray) -> xr.Dataset:
    torch.set_num_threads(1)
    data = open_store(str(store)).dataset().isel(sample=records).load()
    found = surrogates.load(run, device="cpu").seismic.invert(
        data[["shot_gather"]], refine_steps=STEPS, progress=False
    )
    truth, misfit = data["velocity_model"], found["data_misfit"]
    return xr.Dataset(
        {
            "mae/network": abs(found["velocity_model"] - truth).mean(("depth", "lateral")),
            "mae/refined": abs(found["velocity_model_refined"] - truth).mean(("depth", "lateral")),
            "misfit/network": misfit.isel(step=0, drop=True),
            "misfit/refined": misfit.isel(step=-1, drop=True),
            "trusted": found["refinement_trusted"],
        }
    )


def numbers(found: xr.Dataset) -> dict[str, float]:
    """Return means over records, the counts of a table, and the numbers of each record."""
    better = (found["mae/refined"] < found["mae/network"]).to_numpy()
    warned = (found["trusted"] == 0).to_numpy()
    counts = {
        "models": float(len(better)),
        "better": float(better.sum()),
        "worse": float((~better).sum()),
        "warned": float(warned.sum()),
        "caught": float((warned & ~better).sum()),
    }
    values = {str(name): float(each.mean()) for name, each in found.items()}
    values |= {
        f"{name}/{number}": float(value)
        for name, each in found.items()
        for number, value in enumerate(each.to_numpy())
    }
    return values | counts | shares(counts)


def shares(counts: Mapping[str, float]) -> dict[str, float]:
    """Return the share of the worse that was warned of, and of the warned that became worse; 1 of none."""
    return {
        f"caught of {name}": counts["caught"] / counts[name] if counts[name] else 1.0
        for name in ("worse", "warned")
    }


def claims() -> list[Claim]:
    """Return the claims on refinement away from the family of training."""
    experiment = Experiment("seismic", "unseen_refinement", run_seed, seeds=(0,), tables=tables)
    found = [
        Claim(
            claim=f"Refinement brings {BETTER} of {EACH} models of a family that its network never saw "
            f"nearer to the truth, {family}",
            source="ours",
            metric=f"models of {EACH} whose MAE of velocity falls",
            experiment=experiment,
            ours=f"{family}/better",
            baseline=f"{family}/models",
            baseline_name="models",
            compare="at_least",
            bound=BETTER,
        )
        for family in FAMILIES
    ]
    for text, metric, of, bound in (
        ("It warns of most models that it makes worse", "share of the worse", "worse", WARNED),
        ("Most models that it warns of became worse", "share of the warned", "warned", RIGHT),
    ):
        found.append(
            Claim(
                claim=f"{text}, {len(FAMILIES)} families that its network never saw",
                source="ours",
                metric=f"{metric}, all families together",
                experiment=experiment,
                ours=f"all/caught of {of}",
                baseline=f"all/{of}",
                baseline_name="number of these models",
                compare="at_least",
                bound=bound,
            )
        )
    return found


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the table of simulated families and that of the section."""
    known = averages(values)
    header = (
        "data", "MAE before, m/s", "after", "misfit before", "after", "better", "worse, of which warned",
        "warned, of which worse",
    )  # fmt: skip
    title = f"Latent U-Net trained on {HOME}, refined by {STEPS} steps through the solver: "

    def line(name: str) -> list[str]:
        def pair(of: str) -> str:
            return f"{known[f'{name}/{of}']:.0f}, {known[f'{name}/caught']:.0f}"

        return [
            name,
            *(cell(known, f"{name}/mae/{stage}", digits=1) for stage in ("network", "refined")),
            *(cell(known, f"{name}/misfit/{stage}") for stage in ("network", "refined")),
            f"{known[f'{name}/better']:.0f} of {known[f'{name}/models']:.0f}",
            pair("worse"),
            pair("warned"),
        ]

    made = [ResultTable(f"{title}families that it never saw", header, [line(name) for name in FAMILIES])]
    if f"{SECTION}/models" in known:
        made.append(
            ResultTable(f"{title}side-by-side tiles of the Marmousi-like section", header, [line(SECTION)])
        )
    return made
