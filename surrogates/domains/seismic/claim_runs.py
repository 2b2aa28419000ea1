"""What the claims on seismic imaging share: stores and runs that are made when they are absent."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surrogates.core.errors import ConfigError

if TYPE_CHECKING:
    from surrogates.experiment.experiment import Experiment

FILES = Path(os.environ.get("SURROGATES_SEISMIC_DATA", "../shared/data/seismic"))
SECTION = "pylops_poststack_model.npz"
DATA, RUNS = Path("data"), Path("runs/claims/seismic")
HOMES = ("flatvel-a", "flatfault-a")
SAMPLES, STRIDE = 1000, 4
OTHERS = (
    "flatvel-a", "flatvel-b", "curvevel-a", "curvevel-b", "flatfault-a", "flatfault-b",
    "curvefault-a", "curvefault-b", "style-a", "style-b", "salt",
)  # fmt: skip
EACH = 40  # models of each family that networks are tried on
NETWORKS = {
    "inversion_net": "InversionNet",
    "latent_unet": "Latent U-Net",
    "invertible_x_net": "Invertible X-Net",
    "waveform_net": "WaveformNet",
}
INVERSE = ("inversion_net", "latent_unet", "invertible_x_net")
RATES = (0.001, 0.002, 0.004)
SHORT = 150  # steps of a run that a learning rate is chosen by
GFI = "Gupta et al., ICLR 2025, arXiv:2410.11247"
CODE = "python -m surrogates.domains.seismic.claims"


def home(family: str) -> Path:
    """Return the store that networks learn a family from, simulated or gone on with if it is not whole."""
    return _simulated(DATA / f"seismic_{family}.zarr", samples=SAMPLES, family=family)


def elsewhere() -> Path:
    """Return a store of all families whose records nobody learns from."""
    samples = EACH * len(OTHERS)
    return _simulated(DATA / "seismic_families.zarr", samples=samples, family=list(OTHERS), seed=1)


def _simulated(url: Path, **given: Any) -> Path:
    from datasets.factory.build import build, resume
    from datasets.seismic.openfwi_like import OpenFWILike

    if url.exists():
        resume(str(url), workers=2)
    else:
        build(OpenFWILike.make({"time_stride": STRIDE, **given}), str(url), workers=2)
    return url


def tiles(smoothing: float) -> Path:
    """Return the tiles of the Marmousi-like section, smoothed by so many cells.

    Raises
    ------
    ConfigError
        When its file is not there.
    """
    from datasets.factory.build import build
    from datasets.seismic.section import SectionTiles

    file = FILES / SECTION
    if not file.is_file():
        raise ConfigError(
            f"the claims on the section need the file {file}, which is not there; set "
            f"SURROGATES_SEISMIC_DATA to the folder that holds {SECTION}"
        )
    url = DATA / f"seismic_section_{smoothing:g}.zarr"
    if not url.exists():
        given = {"folder": str(file), "units": "km s-1", "smoothing": smoothing, "time_stride": STRIDE}
        build(SectionTiles.make(given), str(url), workers=0)
    return url


def words(network: str, family: str, *extra: str) -> list[str]:
    """Return the command line of a network that learns a family."""
    few = "task.baselines=[mean]" if network != "latent_unet" else ""
    given = [f"experiment=seismic/{network}", "size=tiny", f"dataset={home(family)}", few, *extra]
    return [word for word in given if word]


def tried(network: str, family: str) -> dict[float, float]:
    """Return the validation error of a short run with seed 0 at each learning rate."""
    from surrogates.runs.cache import trained_run

    return {lr: validation_error(trained_run(short(network, family, lr), 0, RUNS)) for lr in RATES}


def short(network: str, family: str, lr: float) -> list[str]:
    """Return the command line of a run that a learning rate is chosen by."""
    steps = [f"trainer.max_steps={SHORT}", f"trainer.validate_every={SHORT}"]
    return words(network, family, f"trainer.optimiser.lr={lr}", *steps, "task.baselines=[mean]")


def validation_error(run: Path) -> float:
    """Return the mean absolute error of a run's first target on its validation split."""
    import torch

    from surrogates.evaluation.scoring import score
    from surrogates.inference.bundle import load_bundle
    from surrogates.runs.evaluate import model_of
    from surrogates.runs.folder import open_run

    experiment, bundle = open_run(run), load_bundle(run / "bundle")
    table = score(model_of(bundle), experiment, split="validation", device=torch.device("cpu"))
    return table.value(bundle.title, experiment.config.task.targets[0], "mae")


def tuned(networks: Sequence[str], families: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return the learning rate of each network and family; the short runs go two at a time."""
    from surrogates.runs.cache import trained_runs

    pairs = [(network, family) for network in networks for family in families]
    trained_runs((short(*pair, lr) for pair in pairs for lr in RATES), 0, RUNS)
    errors = {pair: tried(*pair) for pair in pairs}
    return {pair: f"trainer.optimiser.lr={min(each, key=each.__getitem__)}" for pair, each in errors.items()}


def final_runs(seed: int, networks: Sequence[str] = INVERSE) -> dict[tuple[str, str], Path]:
    """Return the run of each network and family with one seed, trained at its best rate."""
    from surrogates.runs.cache import trained_runs

    chosen = tuned(networks, HOMES)
    runs = trained_runs((words(*pair, lr) for pair, lr in chosen.items()), seed, RUNS)
    return dict(zip(chosen, runs, strict=True))


def scores_of(run: Path) -> dict[str, float]:
    """Return the test scores of a run: `<method>/<target>/<metric>`."""
    rows = json.loads((run / "metrics.json").read_text())["rows"]
    return {
        f"{row['method']}/{row['target']}/{row['metric']}": row["value"]
        for row in rows
        if row["group"] == "all" and row["value"] is not None
    }


def scored(run: Path, on: "Experiment", split: str = "test") -> dict[str, float]:
    """Return the scores of a run's network on other data: `[<group>/]<target>/<metric>`."""
    import torch

    from surrogates.evaluation.scoring import score
    from surrogates.evaluation.tables import ALL
    from surrogates.inference.bundle import load_bundle
    from surrogates.runs.evaluate import model_of

    table = score(model_of(load_bundle(run / "bundle")), on, split=split, device=torch.device("cpu"))
    return {
        f"{'' if row.group == ALL else f'{row.group}/'}{row.target}/{row.metric}": row.value
        for row in table.rows
    }


def named(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return the values under longer names."""
    return {f"{prefix}/{name}": value for name, value in values.items()}


def parameters(runs: Iterable[tuple[str, Path]]) -> dict[str, float]:
    """Return the number of parameters of each network."""
    return {
        f"parameters/{network}": float(json.loads((run / "metrics.json").read_text())["parameters"])
        for network, run in runs
    }
