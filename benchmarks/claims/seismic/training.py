"""Data and networks of the claims on seismic imaging, each network trained at its best learning rate."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.claims import runs
from benchmarks.claims.files import require
from datasets.seismic.openfwi_like import OpenFWILike
from datasets.seismic.section import SectionTiles
from surrogates.domains.seismic.names import VELOCITY
from surrogates.runs.folder import open_run

SECTION = "pylops_poststack_model.npz"
HOMES = ("flatvel-a", "flatfault-a")
SAMPLES, STRIDE = 1000, 4
OTHERS = (
    "flatvel-a", "flatvel-b", "curvevel-a", "curvevel-b", "flatfault-a", "flatfault-b",
    "curvefault-a", "curvefault-b", "style-a", "style-b", "salt",
)  # fmt: skip
EACH = 40  # models of each family that networks are scored on
NETWORKS = {
    "inversion_net": "InversionNet",
    "latent_unet": "Latent U-Net",
    "invertible_x_net": "Invertible X-Net",
    "waveform_net": "WaveformNet",
}
INVERSE = ("inversion_net", "latent_unet", "invertible_x_net")
RATES = (0.002, 0.004)  # at 0.001 every network was worse than at one of these, on both families
SHORT = 150  # steps of a run that chooses a learning rate
GFI = "Gupta et al., ICLR 2025, arXiv:2410.11247"


def home(family: str) -> Path:
    """Return the store that networks learn a family from."""
    recipe = OpenFWILike.make({"time_stride": STRIDE, "samples": SAMPLES, "family": family})
    return runs.stored(recipe, f"seismic_{family}")


def elsewhere() -> Path:
    """Return a store of all families that no network is trained on."""
    given = {"samples": EACH * len(OTHERS), "family": list(OTHERS), "seed": 1}
    return runs.stored(OpenFWILike.make({"time_stride": STRIDE, **given}), "seismic_families")


def tiles(smoothing: float) -> Path:
    """Return the tiles of the Marmousi-like section, smoothed over a number of cells."""
    given = {"folder": str(require("seismic", SECTION)), "units": "km s-1", "smoothing": smoothing}
    recipe = SectionTiles.make({"time_stride": STRIDE, **given})
    return runs.stored(recipe, f"seismic_section_{smoothing:g}", workers=0)


def overrides(network: str, family: str, *extra: str) -> list[str]:
    """Return the overrides of a network that learns a family."""
    few = ["task.baselines=[mean]"] if network != "latent_unet" else []
    return [f"experiment=seismic/{network}", "size=tiny", f"dataset={home(family)}", *few, *extra]


def short(network: str, family: str, lr: float) -> list[str]:
    """Return the overrides of a run that chooses a learning rate."""
    steps = [f"trainer.max_steps={SHORT}", f"trainer.validate_every={SHORT}"]
    return overrides(network, family, f"trainer.optimiser.lr={lr}", *steps, "task.baselines=[mean]")


def tried(network: str, family: str) -> dict[float, float]:
    """Return the validation error of a short run with seed 0 at each learning rate, m/s."""
    return {lr: validation_error(runs.trained_run(short(network, family, lr), 0)) for lr in RATES}


def validation_error(run: Path) -> float:
    """Return the mean absolute error of a run's velocities on its validation subset, m/s."""
    methods = {"network": runs.network(run)}
    return runs.scored(methods, open_run(run), "{group}/{target}/{metric}", "validation")[
        f"all/{VELOCITY}/mae"
    ]


def tuned(networks: Sequence[str], families: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return the learning rate of each network and family; the short runs go two at a time."""
    pairs = [(network, family) for network in networks for family in families]
    runs.trained_runs((short(*pair, lr) for pair in pairs for lr in RATES), 0)
    errors = {pair: tried(*pair) for pair in pairs}
    return {pair: f"trainer.optimiser.lr={min(each, key=each.__getitem__)}" for pair, each in errors.items()}


def final_runs(seed: int, networks: Sequence[str] = INVERSE) -> dict[tuple[str, str], Path]:
    """Return the run of each network and family with one seed, trained at its best rate."""
    chosen = tuned(networks, HOMES)
    made = runs.trained_runs((overrides(*pair, lr) for pair, lr in chosen.items()), seed)
    return dict(zip(chosen, made, strict=True))
