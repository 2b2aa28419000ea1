"""Pictures of what the claims measured, for the documentation."""

from pathlib import Path

import numpy as np

from surrogates.domains.seismic import claim_runs as runs
from surrogates.domains.seismic.claim_runs import HOMES, INVERSE, NETWORKS
from surrogates.domains.seismic.names import GATHER, VELOCITY
from surrogates.domains.seismic.network_claims import NAME, SECTIONS
from surrogates.runs.claims import averages, read_seeds

FAMILY, SHOWN, STEPS = "flatfault-a", 2, 50
SEEDS = Path("docs/results/seeds/seismic.jsonl")


def draw(folder: Path) -> None:
    """Draw velocity models of all networks, a refined one, gathers there and back, and errors elsewhere."""
    import surrogates
    from datasets.store.layout import open_store
    from surrogates.domains.seismic.plots import draw_gathers, draw_matrix, draw_models

    store = open_store(str(runs.home(FAMILY)))
    unseen = np.flatnonzero(store.split("split") == 2)[-SHOWN:]
    data = store.dataset().isel(sample=unseen).load()
    made = runs.final_runs(0)
    networks = {name: surrogates.load(made[name, FAMILY], device="cpu") for name in INVERSE}
    answers = {NETWORKS[name]: each.predict(data[[GATHER]])[VELOCITY] for name, each in networks.items()}
    inverted = networks["latent_unet"].seismic.invert(data[[GATHER]], refine_steps=STEPS, progress=False)
    refined = {
        "Latent U-Net": inverted[VELOCITY],
        f"after {STEPS} steps through the solver": inverted[f"{VELOCITY}_refined"],
    }
    middle = {"shot": data.sizes["shot"] // 2}
    place = f"shot at {float(data['shot'][middle]):g} m"
    simulated = networks["invertible_x_net"].predict(data[[VELOCITY]])[GATHER]
    figures = {
        "seismic_networks": draw_models(data[VELOCITY], answers),
        "seismic_refined": draw_models(data[VELOCITY], refined),
        "seismic_gathers": draw_gathers(
            data[GATHER].isel(middle),
            simulated.isel(middle),
            NETWORKS["invertible_x_net"],
            [place] * len(unseen),
        ),
    }
    values = averages(read_seeds(SEEDS), NAME)
    places = [*runs.OTHERS, *SECTIONS]
    matrix = [[values[f"{family}/latent_unet/on/{place}"] for place in places] for family in HOMES]
    label = "Latent U-Net: MAE, m/s"
    figures["seismic_families"] = draw_matrix(np.array(matrix), HOMES, places, label)
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=80, bbox_inches="tight")
