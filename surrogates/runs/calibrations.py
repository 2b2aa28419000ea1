"""The calibration of a run's bundle: its neighbours and tables, and what is told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from surrogates.core.text import listing
from surrogates.evaluation.scoring import on_device
from surrogates.experiment.devices import choose_device
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import CALIBRATIONS, Bundle, load_bundle, update_calibration
from surrogates.learning.conformal import Calibration
from surrogates.learning.distance import DOUBT, MOST_RECORDS, Neighbours, evenly
from surrogates.runs.methods import Direction, directions_of, is_calibrated_apart


def calibrate_run(folder: str | Path, experiment: Experiment, *, device: str = "auto") -> None:
    """Calibrate the intervals of a run's bundle on its validation split, without a score."""
    bundle = with_neighbours(load_bundle(Path(folder) / "bundle", choose_device(device)), experiment)
    directions = directions_of(bundle, experiment, baselines=False)
    write_calibration(Path(folder) / "bundle", bundle.neighbours, of_the_model(directions))


def with_neighbours(bundle: Bundle, experiment: Experiment) -> Bundle:
    """Return a bundle that tells distances to the training data, those of an experiment.

    A bundle that does already stays as it is, and so does one of which no network is asked, or with a
    training subset of a single example.
    """
    index = experiment.data.index("train")
    if bundle.neighbours is not None or len(index.record) < 2:
        return bundle
    few = index.take(evenly(len(index.record), MOST_RECORDS))
    blocks = experiment.data.blocks(few)
    names = [spec.name for spec in bundle.manifest.pipeline.inputs]
    found = []
    for batch in on_device(bundle.device, experiment.loader("train", index=few)):
        described = bundle.describe({name: batch[name] for name in names})
        if described is None:
            return bundle
        found.append(described)
    labels = np.arange(len(few)) if blocks is None else blocks
    return replace(bundle, neighbours=Neighbours.of(torch.cat(found), labels))


def noted(on: Experiment, subset: str, tables: Mapping[str, Calibration]) -> dict[str, Any]:
    """Return what a bundle's history says of a calibration, plain JSON values."""
    intervals = on.config.task.intervals
    return {
        "calibrated": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "dataset": listing(store.url for store in on.data.stores),
        "fingerprint": listing(store.fingerprint for store in on.data.stores),
        "subset": subset,
        "groups": ", ".join(intervals.groups),
        "scale": ", ".join(intervals.scale),
        "blocks": min(table.blocks for table in tables.values()),
    }


def write_calibration(
    folder: Path,
    neighbours: Neighbours | None,
    tables: Mapping[str, Calibration],
    note: Mapping[str, Any] | None = None,
) -> None:
    """Write the calibration of a model's targets, and of trust, into its bundle."""
    targets = {name: table for name, table in tables.items() if name != DOUBT}
    trust = tables.get(DOUBT)
    kept = neighbours if trust is not None else None
    update_calibration(folder, targets, neighbours=kept, trust=trust, note=note)


def of_the_model(directions: Sequence[Direction]) -> dict[str, Calibration]:
    """Return the calibration of the model's targets in all directions, and of trust by `DOUBT`."""
    found: dict[str, Calibration] = {}
    for direction in directions:
        found |= direction.calibrations.get(next(iter(direction.methods)), {})
    return found


def calibrated_on(direction: Direction) -> str:
    """Return what the intervals were calibrated on, as text."""
    tables = [
        table
        for of_method in direction.calibrations.values()
        for name, table in of_method.items()
        if name != DOUBT
    ]
    if is_calibrated_apart(direction.bundle):
        *_, last = cast(list[Mapping[str, Any]], direction.bundle.manifest.provenance[CALIBRATIONS])
        return f"of the model as calibrated on {last['subset']} of {last['dataset']}, {last['blocks']} blocks"
    if not tables:
        return "none: the run has no validation split to calibrate them on"
    fewest = min(table.blocks for table in tables)
    highest = min(table.highest for table in tables)
    reach = "" if highest >= 0.99 else f"; enough for levels up to {highest:.2g}"
    variables = direction.experiment.config.task.intervals.groups
    kind = f"groups of {', '.join(variables)}" if variables else "blocks"
    return f"calibrated on the validation split, {fewest} {kind}{reach}{_known_groups(direction.experiment)}"


def _known_groups(experiment: Experiment) -> str:
    """Return a remark on groups of the validation subset that were trained on, if there are some."""
    train, validation = (
        experiment.data.interval_groups(experiment.data.index(subset)) for subset in ("train", "validation")
    )
    if train is None or validation is None:
        return ""
    both = np.intersect1d(train.labels, validation.labels).size
    return (
        f"; {both} of the groups were trained on, so that new ones may lie outside more often" if both else ""
    )
