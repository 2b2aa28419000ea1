"""Calibrate the intervals and the trust of a finished run, or of a bundle, on other records."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.store.units import difference, display
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.core.files import new_folder_beside, replace_folder, require_writable
from surrogates.core.text import listing
from surrogates.data.index import SUBSETS, ExampleIndex
from surrogates.evaluation.scoring import calibrations_on
from surrogates.experiment.config import RunConfig
from surrogates.experiment.devices import choose_device
from surrogates.experiment.experiment import Experiment
from surrogates.experiment.pieces import with_defaults
from surrogates.inference.bundle import Bundle, load_bundle
from surrogates.inference.zoo import BUNDLE, is_bare, located
from surrogates.learning.conformal import Calibration, needed, require_level
from surrogates.learning.distance import DOUBT, Neighbours
from surrogates.runs.alike import require_alike
from surrogates.runs.calibrations import noted, with_neighbours, write_calibration
from surrogates.runs.folder import CONFIG, merge, open_given_run, read_config, require_config, write_config
from surrogates.runs.methods import model_of
from surrogates.runs.paths import run_folder

EVERY = "all"
"""What stands for all subsets together."""


@dataclass(frozen=True)
class Calibrated:
    """What a calibration has changed.

    Attributes
    ----------
    folder
        Where the bundle is.
    before, after
        Calibrations by target.
    trust
        Of what trust falls with, None where the distances to the training data are not known.
    units
        Of the targets' differences, as displayed.
    """

    folder: Path
    before: Mapping[str, Calibration]
    after: Mapping[str, Calibration]
    trust: Calibration | None
    units: Mapping[str, str]


def calibrate(
    run: str,
    changes: Mapping[str, Any],
    *,
    subset: str = "validation",
    level: float = 0.9,
    out: Path | None = None,
    device: str = "auto",
) -> Calibrated:
    """Calibrate a bundle on records that it has not learned from, and write it.

    Parameters
    ----------
    run
        Folder of a run, of its bundle, `zoo:NAME`, or URL of a bundle.
    changes
        Values that replace those of the run's configuration: `dataset`, and what else differs.
    subset
        `validation`, `test` or `train` of the data set, or `all`.
    level
        Of the intervals that the records must suffice for.
    out
        A new folder, like a run's, that receives the configuration and the bundle; None replaces the bundle.
    device
        Where the network runs.

    Raises
    ------
    ConfigError
        When the data do not fit the run, or are too few for the level.
    """
    require_level(level)
    home = _home(run, out)
    values = read_config(home)
    on = Experiment.open(validate(RunConfig, merge(values, changes), "configuration"))
    bundle = load_bundle(home, choose_device(device))
    specs = (*bundle.manifest.pipeline.inputs, *bundle.outputs)
    index = _index(on, subset)
    require_alike(bundle, specs, on, index)
    own = None if is_bare(run) else _own(home)
    if own is not None:
        _require_new(own, on, index)
    bundle = _with_neighbours(bundle, own, on, subset)
    tables: dict[str, Calibration] = {}
    turned = [(bundle.reversed(), on.reversed())] if bundle.both_ways else []
    for each, experiment in [(bundle, on), *turned]:
        tables |= calibrations_on(index, model_of(each), experiment, device=bundle.device)[each.title]
    _require_enough(tables, on, subset, level)
    note = noted(on, subset, tables)
    if out is None:
        folder = located(home)
        write_calibration(folder, bundle.neighbours, tables, note)
    else:
        folder = _written(located(home), out, on, bundle.neighbours, tables, note)
    after = {name: table for name, table in tables.items() if name != DOUBT}
    units = {spec.name: display(difference(spec.units)) for spec in bundle.manifest.pipeline.answered}
    return Calibrated(folder, bundle.manifest.calibration, after, tables.get(DOUBT), units)


def _home(run: str, out: Path | None) -> Path:
    """Return the folder with the configuration; refuse what cannot be written, before any work."""
    bare = is_bare(run)
    if bare and out is None:
        raise ConfigError(f"{run} stays as it is; give --out DIR for the new one")
    home = located(run) if bare else run_folder(run)
    if bare:
        require_config(home, run)
    if not (home / CONFIG).is_file() and home.name == BUNDLE and (home.parent / CONFIG).is_file():
        home = home.parent
    if out is not None:
        if out.exists():
            raise ConfigError(f"{out} exists; remove it or choose another folder with --out DIR")
        require_writable(out)
    return home


def _own(home: Path) -> Experiment | None:
    """Return the experiment of a run, None where its data cannot be read."""
    try:
        return open_given_run(home)
    except (ValueError, OSError):
        return None


def _with_neighbours(bundle: Bundle, own: Experiment | None, on: Experiment, subset: str) -> Bundle:
    """Return a bundle that tells distances, to its training data or else to the training subset of others."""
    if own is not None:
        bundle = with_neighbours(bundle, own)
    return bundle if subset in ("train", EVERY) else with_neighbours(bundle, on)


def _require_new(own: Experiment, on: Experiment, index: ExampleIndex) -> None:
    """Refuse records that a run has learned from: its errors there are too small."""
    learned = own.data.index("train")
    for number, store in enumerate(on.data.stores):
        for other, trained in enumerate(own.data.stores):
            both = np.intersect1d(index.of_store(number), learned.of_store(other))
            if store.fingerprint == trained.fingerprint and both.size:
                raise ConfigError(
                    f"the run has learned from {both.size} of these records of {store.url}, where its errors "
                    "are too small; take others, such as --split validation"
                )


def _index(on: Experiment, subset: str) -> ExampleIndex:
    parts = [on.data.index(name) for name in ([*SUBSETS] if subset == EVERY else [subset])]
    index = ExampleIndex.concatenate(parts)
    if not len(index):
        urls = listing(store.url for store in on.data.stores)
        raise ConfigError(
            f"the {subset} subset of {urls} is empty; take another with --split, or {EVERY} of it"
        )
    return index


def _require_enough(tables: Mapping[str, Calibration], on: Experiment, subset: str, level: float) -> None:
    urls = listing(store.url for store in on.data.stores)
    for spec in on.targets:
        table = tables.get(spec.name)
        if table is None:
            raise ConfigError(
                f"no cell of '{spec.name}' counts and is answered in the {subset} subset of {urls}; name "
                "another split, mask or valid_min"
            )
        if not np.isfinite(table.radius(level)):
            raise ConfigError(
                f"'{spec.name}': the {subset} subset of {urls} has {table.blocks} {table.exchangeable}, "
                f"enough for intervals of {table.highest:.3g} at most; {level:g} takes at least "
                f"{needed(level)} of them: give more, or a lower --level"
            )


def _written(
    bundle: Path,
    out: Path,
    on: Experiment,
    neighbours: Neighbours | None,
    tables: Mapping[str, Calibration],
    note: Mapping[str, Any],
) -> Path:
    """Write a folder like a run's, whole or not at all; return it."""
    with new_folder_beside(out) as staging:
        shutil.copytree(bundle, staging / BUNDLE)
        write_config(staging, with_defaults(on.config))
        write_calibration(staging / BUNDLE, neighbours, tables, note)
        staging.chmod(0o755)
        replace_folder(staging, out)
    return out


def described(found: Calibrated, level: float) -> list[str]:
    """Return a line for each target, how far its interval reaches and reached, and one for trust."""
    lines = []
    for name, table in found.after.items():
        before = found.before.get(name)
        same = before is not None and (before.relative, before.distant) == (table.relative, table.distant)
        unit = " predicted deviations" if table.relative else f" {found.units.get(name, '')}".rstrip()
        was = f" ({before.radius(level):.3g} before)" if before is not None and same else ""
        far = ", wider with the distance to the training data" if table.distant else ""
        lines.append(
            f"{name}: {100 * level:g} % within {table.radius(level):.3g}{unit}{was}{far}; calibrated on "
            f"{table.blocks} {table.exchangeable}"
        )
    told = "left out: neither the bundle nor a training subset of the store tells what it was trained on"
    known = found.trust is not None and f"calibrated on {found.trust.blocks} {found.trust.exchangeable}"
    return [*lines, f"trust: {known or told}"]
