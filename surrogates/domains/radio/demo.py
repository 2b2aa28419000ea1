"""The demonstration: maps of three cities, a trained cascade, and a city that it has never seen.

``python -m surrogates.domains.radio.demo`` first asks a network that ships with the package, and writes its
picture to ``runs/demo/shipped.png``. Then it builds the data, trains both stages through the ordinary
commands, prints two tables and writes ``runs/demo/metrics.json`` and ``runs/demo/radio_map.png``. What
exists already is not made again.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surrogates.core.files import write_atomic
from surrogates.core.progress import labelled

if TYPE_CHECKING:
    from surrogates.report.pictures import Examples

RECIPE: dict[str, Any] = {
    "samples": 144,
    "test_samples": 16,
    "rays": 2_000_000,
    "rays_test": 5_000_000,
    "depth": 6,
    "validation_share": 0.03,
    "repeat_share": 0.025,
    "corners": {"etoile": ((-360.0, -280.0), (-102.0, -280.0), (-360.0, -197.0), (-102.0, -197.0))},
}
STAGES = {
    "without_samples": ("radio/geo2sigmap", "path_gain"),
    "with_200_samples": ("radio/geo2sigmap_directional", "path_gain_directional"),
}
TITLES = {
    "without_samples": "Unseen city, no samples",
    "with_200_samples": "Unseen city, 200 samples, directional antennas",
}
NAMES = {
    "without_samples": "U-Net-Iso",
    "with_200_samples": "U-Net-Dir",
}
LABELS = {"U-Net-Iso": "U-Net-Iso, stage 1 of 2", "U-Net-Dir": "U-Net-Dir, stage 2 of 2"}
SHIPPED = "zoo:radio/geo2sigmap"
WEAKEST = -140.0  # dB, below which no cell is scored


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing, then print and write the results."""
    parser = argparse.ArgumentParser(prog="python -m surrogates.domains.radio.demo", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/demo.zarr"), help="store of the maps")
    parser.add_argument("--output", type=Path, default=Path("runs/demo"), help="folder of the results")
    parser.add_argument("--workers", type=int, default=2, help="processes that trace rays")
    given, overrides = parser.parse_known_args(arguments)
    seconds = _earlier(given.output)
    show_shipped(given.output / "shipped.png")

    def step(name: str, done: Path, work: Callable[[], object]) -> None:
        if done.exists():
            print(f"{name}: found {done}")
            return
        start = time.perf_counter()
        with labelled(LABELS.get(name, name)):
            work()
        seconds[name] = round(time.perf_counter() - start, 1)
        if not done.exists():
            write_atomic(done, "done\n")

    step("data", given.output / "data.done", lambda: build_data(given.data, given.workers))
    iso, directional = (given.output / name for name in STAGES)
    step(
        "U-Net-Iso", iso / "run.txt", lambda: train(iso, STAGES["without_samples"][0], given.data, overrides)
    )
    staged = [f"parts.iso={(iso / 'run.txt').read_text(encoding='utf-8').strip()}", *overrides]
    name = STAGES["with_200_samples"][0]
    step("U-Net-Dir", directional / "run.txt", lambda: train(directional, name, given.data, staged))
    runs = {
        stage: Path((given.output / stage / "run.txt").read_text(encoding="utf-8").strip())
        for stage in STAGES
    }
    report(runs, given.output, seconds)


def show_shipped(picture: Path) -> None:
    """Ask the network that ships with the package for a map of a city that it has never seen."""
    if picture.exists():
        print(f"shipped network: found {picture}")
        return
    import numpy as np
    from matplotlib.figure import Figure

    import surrogates
    from surrogates.domains.radio.plots.maps import draw_rows
    from surrogates.evaluation.evaluate import Target

    surrogate = surrogates.load(SHIPPED, device="cpu")
    example = surrogate.example()
    predicted = surrogate.predict(example)
    truth = example.path_gain.where(example.outdoor)
    seen = truth.where(truth >= WEAKEST)
    rmse = float(np.sqrt(((predicted.path_gain - seen) ** 2).mean()))
    figure = Figure(figsize=(14.0, 4.2), layout="constrained")
    target = Target(surrogate.outputs["path_gain"], valid_min=WEAKEST)
    first = {surrogate.record_dimension: slice(0, 1)}
    grid = figure.subplots(1, 3, squeeze=False)
    draw_rows(figure, grid, example.isel(first), predicted.isel(first), target, SHIPPED)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110, bbox_inches="tight")
    print(
        f"{SHIPPED}, which ships with this package: RMSE {rmse:.1f} dB on maps of a city that it has never "
        f"seen -> {picture}\nNow the same from the beginning: data, training, evaluation.",
        flush=True,
    )


def build_data(url: Path, workers: int) -> None:
    """Build the maps, or resume a build that was stopped."""
    from datasets.factory.build import build, resume
    from datasets.radio.urban import Urban

    if url.exists():
        resume(str(url), workers=workers)
    else:
        build(Urban(**RECIPE), str(url), workers=workers)


def train(folder: Path, experiment: str, data: Path | str, overrides: list[str]) -> None:
    """Train a stage, or resume one that was stopped; write the path of its run to a file."""
    from surrogates.runs.compose import main as train_command

    stopped = sorted(folder.glob("**/checkpoints/last.ckpt"))
    given = [f"experiment={experiment}", "size=tiny", f"dataset={data}", f"output={folder}"]
    if stopped:
        given = [f"run={stopped[-1].parent.parent}"]
    (run,) = train_command([*given, *overrides])
    write_atomic(folder / "run.txt", f"{run}\n")


def report(runs: dict[str, Path], output: Path, seconds: dict[str, float]) -> None:
    """Print both tables, write the numbers and the picture."""
    rmse = {stage: scores(run, stage) for stage, run in runs.items()}
    for stage, table in rmse.items():
        print(f"\n{TITLES[stage]}: RMSE in dB, outdoor cells above -140 dB")
        for method, value in sorted(table.items(), key=lambda item: item[1]):
            print(f"  {method:24s}{value:7.2f}")
    output.mkdir(parents=True, exist_ok=True)
    result = {"rmse_db": rmse, "seconds": seconds}
    write_atomic(output / "metrics.json", json.dumps(result, indent=2) + "\n")
    picture = output / "radio_map.png"
    draw(runs, picture)
    print(f"\n{picture}\n{output / 'metrics.json'}")


def scores(run: Path, stage: str) -> dict[str, float]:
    """Return the RMSE of each method on the unseen city, dB."""
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    found = {
        row["method"]: row["value"]
        for row in metrics["rows"]
        if row["metric"] == "rmse" and row["group"] == "all" and row["target"] == STAGES[stage][1]
    }
    model = metrics["model"]
    return {
        NAMES[stage] if method == model else method.removeprefix("radio/"): value
        for method, value in found.items()
    }


def draw(runs: dict[str, Path], path: Path) -> None:
    """Draw a map of each stage with its error, and errors against distance."""
    from matplotlib.figure import Figure

    from surrogates.domains.radio.plots.maps import draw_error_curves, draw_rows

    figure = Figure(figsize=(18.5, 8.4), layout="constrained")
    grid = figure.subplots(2, 4, squeeze=False, width_ratios=(1, 1, 1, 1.1))
    for axes, (stage, run) in zip(grid, runs.items(), strict=True):
        examples = _examples(run, stage)
        target = examples.targets[0]
        second = {examples.record_dimension: slice(1, 2)}
        data, predicted = examples.data.isel(second), examples.predictions[NAMES[stage]].isel(second)
        draw_rows(figure, axes[None, :3], data, predicted, target, NAMES[stage])
        draw_error_curves(axes[3], examples.data, examples.predictions, target)
        axes[3].set_title(TITLES[stage].replace(", ", "\n", 1), fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")


def _examples(run: Path, stage: str) -> "Examples":
    """Return a few maps of the unseen city with each method's predictions, the model under its name."""
    import torch

    from surrogates.inference.bundle import load_bundle
    from surrogates.report.examples import examples_of
    from surrogates.report.pictures import Examples
    from surrogates.runs.folder import open_run
    from surrogates.runs.methods import methods_of

    device = torch.device("cpu")
    experiment = open_run(run)
    methods = methods_of(load_bundle(run / "bundle", device), experiment)
    model = next(iter(methods))
    named = {NAMES[stage] if name == model else name: method for name, method in methods.items()}
    found = examples_of(named, experiment, split="test", device=device)
    return Examples(found.data, found.predictions, found.targets, found.record_dimension)


def _earlier(output: Path) -> dict[str, float]:
    """Return the times of the steps of an earlier call."""
    path = output / "metrics.json"
    seconds: dict[str, float] = (
        json.loads(path.read_text(encoding="utf-8"))["seconds"] if path.exists() else {}
    )
    return seconds


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"error: {error}")
