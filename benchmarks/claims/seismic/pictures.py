"""Pictures of what the claims measured, for the documentation."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import surrogates
from benchmarks.claims.report import read_seeds
from benchmarks.claims.seismic import small, training
from benchmarks.claims.seismic.networks import SECTIONS
from benchmarks.claims.seismic.refinement import KEYS
from benchmarks.claims.seismic.training import HOMES, INVERSE, NETWORKS, OTHERS
from benchmarks.claims.tables import averages
from datasets.store.layout import open_store
from surrogates.domains.seismic.names import GATHER, VELOCITY
from surrogates.domains.seismic.plots import draw_gathers, draw_matrix, draw_models

FAMILY, SHOWN, STEPS = "flatfault-a", 2, 50
SEEDS = Path("docs/results/seeds/seismic.jsonl")


def draw() -> dict[str, Figure]:
    """Draw what the tiny networks and that which ships make of models that they did not see."""
    return draw_tiny() | draw_small()


def draw_small() -> dict[str, Figure]:
    """Draw models of both families by the network that ships."""
    store = open_store(str(small.store()))
    data = store.dataset()
    names = np.array(data["family"].attrs["flag_meanings"].split())[data["family"].values]
    unseen = [np.flatnonzero((store.split("split") == 2) & (names == family))[:SHOWN] for family in HOMES]
    shown = data.isel(sample=np.concatenate(unseen)).load()
    velocity = surrogates.load(small.trained(small.SEED), device="cpu").predict(shown[[GATHER]])[VELOCITY]
    return {"seismic_small": draw_models(shown[VELOCITY], {"InversionNet": velocity})}


def draw_tiny() -> dict[str, Figure]:
    """Draw velocity models of all networks, a refined one, gathers there and back, and errors elsewhere."""
    store = open_store(str(training.home(FAMILY)))
    unseen = np.flatnonzero(store.split("split") == 2)[-SHOWN:]
    data = store.dataset().isel(sample=unseen).load()
    made = training.final_runs(0)
    networks = {name: surrogates.load(made[name, FAMILY], device="cpu") for name in INVERSE}
    predicted = {NETWORKS[name]: each.predict(data[[GATHER]])[VELOCITY] for name, each in networks.items()}
    inverted = networks["latent_unet"].seismic.invert(
        data[[GATHER]], refine_steps=STEPS, progress=False, **KEYS
    )
    refined = {
        "Latent U-Net": inverted[VELOCITY],
        f"after {STEPS} steps through the solver": inverted[f"{VELOCITY}_refined"],
    }
    middle = {"shot": data.sizes["shot"] // 2}
    titles = [f"shot at {float(data['shot'][middle]):g} m"] * len(unseen)
    simulated = networks["invertible_x_net"].predict(data[[VELOCITY]])[GATHER].isel(middle)
    seeds = [row["values"] for row in read_seeds(SEEDS) if row["experiment"] == "networks"]
    values, tested = averages(seeds), [*OTHERS, *SECTIONS]
    matrix = [[values[f"{family}/latent_unet/on/{name}"] for name in tested] for family in HOMES]
    return {
        "seismic_networks": draw_models(data[VELOCITY], predicted),
        "seismic_refined": draw_models(data[VELOCITY], refined),
        "seismic_gathers": draw_gathers(
            data[GATHER].isel(middle), simulated, NETWORKS["invertible_x_net"], titles
        ),
        "seismic_families": draw_matrix(np.array(matrix), HOMES, tested, "Latent U-Net: MAE, m/s"),
    }
