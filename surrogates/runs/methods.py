"""The methods of a run: its model in each direction, its baselines, and their calibrations."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from surrogates.data.batch import Batch
from surrogates.evaluation.calibration import Calibrations
from surrogates.evaluation.derivations import Cycle
from surrogates.evaluation.evaluate import Method
from surrogates.evaluation.scoring import calibrations_of, fitted_baselines
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import CALIBRATIONS, Bundle
from surrogates.learning.conformal import Calibration
from surrogates.learning.contract import Derivation
from surrogates.learning.distance import DOUBT


@dataclass(frozen=True)
class Direction:
    """A direction of a bundle: its pipeline and its calibrations."""

    bundle: Bundle
    experiment: Experiment
    methods: Mapping[str, Method]
    calibrations: Calibrations

    @property
    def cycles(self) -> list[Derivation]:
        """Predictions of the other direction for an answer, if there is one."""
        if not self.bundle.both_ways:
            return []
        (back,) = model_of(self.bundle.reversed()).values()
        return [Cycle(self.experiment.inputs, back)]


def directions_of(bundle: Bundle, experiment: Experiment, *, baselines: bool = True) -> list[Direction]:
    """Return the directions of a bundle, calibrated: one, or two where it answers both directions."""
    turned = [(bundle.reversed(), experiment.reversed())] if bundle.both_ways else []
    directions = []
    for each, on in [(bundle, experiment), *turned]:
        methods = methods_of(each, on) if baselines else model_of(each)
        calibrations = calibrations_of(methods, on, device=bundle.device)
        if is_calibrated_apart(each):
            calibrations[each.title] = _own_calibration(each, on)
        directions.append(Direction(each, on, methods, calibrations))
    return directions


def is_calibrated_apart(bundle: Bundle) -> bool:
    """Return whether `surrogates calibrate` has calibrated a bundle, which a score then keeps."""
    return CALIBRATIONS in bundle.manifest.provenance


def _own_calibration(bundle: Bundle, experiment: Experiment) -> dict[str, Calibration]:
    names = {spec.name for spec in experiment.targets}
    tables = {name: table for name, table in bundle.manifest.calibration.items() if name in names}
    trust = bundle.manifest.trust
    return tables if trust is None else {**tables, DOUBT: trust}


def methods_of(bundle: Bundle, experiment: Experiment) -> dict[str, Method]:
    """Return the model first, then the baselines, fitted on the training split."""
    methods = model_of(bundle)
    for name, baseline in fitted_baselines(experiment).items():
        methods[name if name not in methods else f"{name} (baseline)"] = baseline
    return methods


def model_of(bundle: Bundle) -> dict[str, Method]:
    """Return only the model, under its name."""
    names = [spec.name for spec in bundle.manifest.pipeline.inputs]

    ask = bundle.ask if bundle.neighbours is None else bundle.ask_far

    def model(inputs: Batch, rng: torch.Generator) -> Batch:
        return ask({name: inputs[name] for name in names}, rng)

    return {bundle.title: model}
