"""Methods x targets x metrics on identical cells, with intervals, group by group."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.data.batch import Batch
from surrogates.evaluation.bootstrap import Blocks, Estimate, bootstrap
from surrogates.evaluation.derivations import derive_prediction, derive_truth
from surrogates.evaluation.probabilistic import CURVE_LEVELS, CoverageCurve, Spread
from surrogates.evaluation.reliability import Recorded, recorded
from surrogates.evaluation.tables import ALL, UNDISTURBED, Curve, Score, Table
from surrogates.learning.answers import LEVELS, beside, deviation_name, member_name
from surrogates.learning.conformal import Calibration
from surrogates.learning.contract import Derivation, Metric
from surrogates.learning.directions import full_turn, wrapped
from surrogates.learning.distance import DISTANCE, DOUBT, doubt
from surrogates.learning.layout import is_complex
from surrogates.learning.masks import as_weight

Method = Callable[[Batch, torch.Generator], Batch]
CURVE = "coverage curve"


@dataclass(frozen=True)
class Target:
    """One variable that is scored, and which of its cells count.

    A cell counts where the target is not NaN, is at least `valid_min`, and `mask` is true; a mask of numbers
    weights the cells, as it does in training.

    Parameters
    ----------
    spec : VariableSpec
        The target.
    mask : VariableSpec, optional
        A variable of the batch, bool or weights, whose dimensions are among the target's.
    valid_min : float, optional
        In the target's units, e.g. -140 for path gain in dB: weaker cells are below every receiver's reach.
        Of a complex target the modulus is compared.
    """

    spec: VariableSpec
    mask: VariableSpec | None = None
    valid_min: float | None = None

    def weight(self, batch: Batch) -> Tensor:
        """Return the weight of each cell, 0 where it does not count; shape of the target."""
        values = batch[self.spec.name]
        counts = ~values.isnan()
        if self.valid_min is not None:
            counts &= (values.abs() if values.is_complex() else values) >= self.valid_min
        weight = counts.to(torch.float32)
        if self.mask is None:
            return weight
        return weight * align(as_weight(batch[self.mask.name]), self.mask, self.spec)

    def describe(self) -> str:
        """Return which cells count, as text for the report."""
        rules = ["known"]
        if self.mask is not None:
            rules.append(f"{self.mask.name} true")
        if self.valid_min is not None:
            name = f"|{self.spec.name}|" if is_complex(self.spec) else self.spec.name
            rules.append(f"{name} >= {self.valid_min:g} {display(self.spec.units)}".rstrip())
        return ", ".join(rules)


def evaluate(
    methods: Mapping[str, Method],
    batches: Iterable[Batch | tuple[Batch, Batch]],
    targets: Sequence[Target],
    metrics: Mapping[str, Metric],
    blocks: Blocks,
    *,
    condition: str = UNDISTURBED,
    calibrations: Mapping[str, Mapping[str, Calibration]] | None = None,
    derivations: Sequence[Derivation] = (),
    cycles: Sequence[Derivation] = (),
    hidden: Collection[str] = (),
    seed: int = 0,
) -> Table:
    """Score every method on the same cells of the same examples.

    Parameters
    ----------
    methods : mapping of name to callable
        `method(inputs, rng)` returns the targets in physical units; the first one is what the others are held
        against. The batch that it receives lacks the targets' values.
    batches : iterable of batches
        The examples in the order of `blocks.index`; under a condition each with what the methods see of it,
        `(batch, seen)`.
    targets : sequence of Target
        What is scored, and where.
    metrics : mapping of name to Metric
        E.g. `{"rmse": RMSE()}`.
    blocks : Blocks
        What is resampled for the intervals, and the groups that are reported.
    condition : str
        What the rows call it.
    calibrations : mapping of method to mapping of target to Calibration, optional
        From `surrogates.evaluation.calibration.calibrate`, for the coverage of intervals.
    derivations : sequence of Derivation
        What follows from truth and answers is scored beside the targets, for the methods that answer it.
    cycles : sequence of Derivation
        As `derivations`, but only for the first method: from its own other direction.
    hidden : collection of str
        Variables of the batches that no method receives, since they are there for the derivations.
    seed : int
        Of the generator that each method receives anew for each batch, and of the bootstrap.
    """
    sums = _Sums(len(blocks.groups))
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    following = [*derivations, *cycles]
    scored = [*targets, *derived_targets(following)]
    cells = {target.spec.name: 0 for target in scored}
    records: dict[str, list[Recorded]] = {}
    done = 0
    for number, given in enumerate(batches):
        batch, seen = given if isinstance(given, tuple) else (given, given)
        known = inputs_of(seen, targets)
        inputs = {name: value for name, value in known.items() if name not in hidden}
        truth = batch | derive_truth(counted(batch, targets), following)
        count = len(batch[targets[0].spec.name])
        index = blocks.index[done : done + count]
        if len(index) < count:
            raise ValueError(
                f"{done + count} or more examples arrived, but blocks were given for {len(blocks.index)}."
            )
        done += count
        for target in scored:
            cells[target.spec.name] += int(torch.count_nonzero(target.weight(truth)))
        for order, (method, predict) in enumerate(methods.items()):
            prediction, elapsed = _timed(predict, inputs, seed=seed + number)
            seconds[method].append(elapsed / count)
            for target in targets:
                require_answer(target, prediction, batch, method)
            answer = prediction | derive_prediction(prediction, known, derivations if order else following)
            tables = (calibrations or {}).get(method, {})
            for target in (each for each in scored if each.spec.name in answer):
                require_answer(target, answer, truth, method)
                calibration = tables.get(target.spec.name)
                cut = _counted(target, answer, truth, calibration)
                if calibration is not None and not order:
                    doubts = _doubts(prediction, targets, tables)
                    records.setdefault(target.spec.name, []).append(recorded(*cut, doubts))
                for metric, values in _statistics(target, *cut, metrics).items():
                    sums.add((method, target.spec.name, metric), index, values)
    if done != len(blocks.index):
        raise ValueError(f"{done} examples arrived, but blocks were given for {len(blocks.index)}.")
    rows = _rows(methods, scored, metrics, blocks, sums, condition, seed=seed)
    times = {name: _typical(values) for name, values in seconds.items()}
    joined = {name: Recorded.joined(parts) for name, parts in records.items()}
    return Table(list(rows), done, cells, times, list(_curves(sums)), records=joined)


def inputs_of(batch: Batch, targets: Sequence[Target]) -> Batch:
    """Return a batch without the targets' values."""
    names = {target.spec.name for target in targets}
    return {key: value for key, value in batch.items() if key not in names}


def derived_targets(derivations: Iterable[Derivation]) -> list[Target]:
    """Return the derived quantities as targets."""
    return [Target(spec) for each in derivations for spec in each.provides()]


def counted(batch: Batch, targets: Sequence[Target]) -> Batch:
    """Return a batch whose targets are NaN in cells that do not count."""
    cut = {
        target.spec.name: batch[target.spec.name].where(target.weight(batch) > 0, torch.nan)
        for target in targets
    }
    return batch | cut


def ask(predict: Method, inputs: Batch, *, seed: int) -> Batch:
    """Return a method's prediction; equal seeds give equal answers."""
    device = next(iter(inputs.values())).device
    with torch.no_grad():
        return predict(dict(inputs), torch.Generator(device=device).manual_seed(seed))


def align(values: Tensor, spec: VariableSpec, onto: VariableSpec) -> Tensor:
    """Give `values` axes of length one where `onto` has dimensions that `spec` lacks.

    Raises
    ------
    ValueError
        If `spec` has a dimension that `onto` lacks, or another order of them.
    """
    kept = [dim for dim in onto.dims if dim in spec.dims]
    if kept != list(spec.dims):
        raise ValueError(
            f"{spec.name} has the dimensions {spec.dims}, which do not fit those of {onto.name}, {onto.dims}."
        )
    for axis, dim in enumerate(onto.dims):
        if dim not in spec.dims:
            values = values.unsqueeze(axis)
    return values


def require_answer(target: Target, prediction: Batch, batch: Batch, method: str) -> None:
    """Refuse a prediction without the target, or of another shape."""
    name = target.spec.name
    if name not in prediction:
        raise ValueError(f"Method '{method}' predicts {sorted(prediction)}; expected also '{name}'.")
    for shown in (name, deviation_name(name)):
        if shown in prediction and prediction[shown].shape != batch[name].shape:
            raise ValueError(
                f"Method '{method}' predicts '{shown}' with shape {tuple(prediction[shown].shape)}; "
                f"expected {tuple(batch[name].shape)}."
            )


class _Sums:
    """Sums of statistics per block, for each (method, target, metric)."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.totals: dict[tuple[str, str, str], dict[str, np.ndarray]] = {}

    def add(self, key: tuple[str, str, str], index: np.ndarray, values: Mapping[str, Tensor]) -> None:
        held = self.totals.setdefault(key, {})
        for name, tensor in values.items():
            array = tensor.detach().cpu().numpy()
            if name not in held:
                held[name] = np.zeros((self.blocks, *array.shape[1:]))
            np.add.at(held[name], index, array)


def _timed(predict: Method, inputs: Batch, *, seed: int) -> tuple[Batch, float]:
    device = next(iter(inputs.values())).device
    start = time.perf_counter()
    prediction = ask(predict, inputs, seed=seed)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return prediction, time.perf_counter() - start


def _typical(seconds: list[float]) -> float:
    """Return the median; the first batch, which warms caches, is left out if there are others."""
    return median(seconds[1:] or seconds)


def _counted(
    target: Target, prediction: Batch, batch: Batch, calibration: Calibration | None
) -> tuple[Tensor, Tensor, Tensor, Spread]:
    """Return prediction, truth, weight and spread, zero where cells do not count.

    A predicted direction is brought within half a turn of the true one.
    """
    name = target.spec.name
    deviation, quantiles = (prediction.get(each) for each in beside(name))
    weight = _exact(target.weight(batch))
    counts = weight > 0
    truth = torch.where(counts, _exact(batch[name]), 0.0)
    guess = torch.where(counts, _exact(prediction[name]), 0.0)
    if deviation is not None:
        deviation = torch.where(counts, _exact(deviation), 0.0)
    if quantiles is not None:
        quantiles = torch.where(counts.unsqueeze(1), _exact(quantiles), 0.0)
    members = prediction.get(member_name(name))
    if members is not None:
        members = torch.where(counts.unsqueeze(1), _exact(members), 0.0)
    distance = prediction.get(DISTANCE)
    far = None if distance is None else _exact(distance)
    turn = full_turn(target.spec)
    if turn is not None:
        nearest = truth + wrapped(guess - truth, turn)
        quantiles = None if quantiles is None else quantiles + (nearest - guess).unsqueeze(1)
        guess = nearest
    spread = Spread(deviation, calibration, quantiles, prediction.get(LEVELS), far, members, turn)
    return guess, truth, weight, spread


def _doubts(prediction: Batch, targets: Sequence[Target], tables: Mapping[str, Calibration]) -> Tensor | None:
    """Return what trust falls with, by the table of trust; None where no distance is told."""
    distance, trust = prediction.get(DISTANCE), tables.get(DOUBT)
    if distance is None or (trust is not None and not trust.relative):
        return distance
    return doubt(prediction, [target.spec.name for target in targets])


def _statistics(
    target: Target,
    guess: Tensor,
    truth: Tensor,
    weight: Tensor,
    spread: Spread,
    metrics: Mapping[str, Metric],
) -> dict[str, dict[str, Tensor]]:
    found = {}
    for key, metric in metrics.items():
        if spread.turn is not None and not metric.takes_directions:
            continue
        extra: dict[str, Any] = {"spread": spread} if metric.of_spread else {}
        if metric.of_spec:
            extra["spec"] = target.spec
        found[key] = metric.statistics(guess, truth, weight, **extra)
    told = (spread.deviation, spread.quantiles, spread.members, spread.calibration)
    if any(each is not None for each in told):
        found[CURVE] = CoverageCurve().statistics(guess, truth, weight, spread)
    return found


def _exact(values: Tensor) -> Tensor:
    """Move values to the CPU if their device lacks float64, in which statistics are summed."""
    return values.cpu() if values.device.type == "mps" else values


def _rows(
    methods: Iterable[str],
    targets: Sequence[Target],
    metrics: Mapping[str, Metric],
    blocks: Blocks,
    sums: _Sums,
    condition: str,
    **options: Any,
) -> Iterator[Score]:
    for group, members in _members(blocks).items():
        for target, (name, metric) in product(targets, metrics.items()):
            first: Estimate | None = None
            for method in methods:
                totals = sums.totals.get((method, target.spec.name, name))
                if totals is None:
                    continue
                estimate = bootstrap(
                    {key: total[members] for key, total in totals.items()}, metric, **options
                )
                first = first or estimate
                gap = estimate.minus(first)
                yield Score(
                    method=method,
                    target=target.spec.name,
                    metric=name,
                    units=metric.units(target.spec.units),
                    group=group,
                    value=estimate.value,
                    low=estimate.low,
                    high=estimate.high,
                    blocks=len(members),
                    above_first=gap.value,
                    above_first_low=gap.low,
                    above_first_high=gap.high,
                    condition=condition,
                    best=metric.best,
                )


def _curves(sums: _Sums) -> Iterator[Curve]:
    for (method, target, name), totals in sums.totals.items():
        if name == CURVE:
            rows = CoverageCurve().combine({key: total.sum(axis=0) for key, total in totals.items()})
            kinds = (
                [round(float(v), 6) if np.isfinite(v) else None for v in row]
                if np.isfinite(row).any()
                else None
                for row in rows
            )
            yield Curve(method, target, list(CURVE_LEVELS), *kinds)


def _members(blocks: Blocks) -> dict[str, np.ndarray]:
    """Blocks of each row group: all together, then one by one if there are several."""
    groups = blocks.members
    return {ALL: np.arange(len(blocks.groups))} | (groups if len(groups) > 1 else {})
