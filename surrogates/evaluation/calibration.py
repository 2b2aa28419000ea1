"""Calibrate methods on a validation split: one table of scores for each method and target.

The score of a complex cell is |truth - prediction|, the distance in the plane, and that of a direction the
difference the shorter way round.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.evaluation.evaluate import Method, Target, ask, inputs_of, require_answer
from surrogates.evaluation.metrics import exact
from surrogates.learning.answers import reaches
from surrogates.learning.conformal import Calibration
from surrogates.learning.directions import turns_of, wrapped
from surrogates.learning.distance import DISTANCE, DOUBT, doubt, stretch

MOST_CELLS = 4096  # of a record; more would say little and fill the memory
MOST_SCORES = 1 << 22  # of a target, of all records; of many records fewer cells each are taken
Calibrations = dict[str, dict[str, Calibration]]
Arrays = list[np.ndarray]


def calibrate(
    methods: Mapping[str, Method],
    batches: Iterable[Batch],
    targets: Sequence[Target],
    blocks: np.ndarray,
    *,
    groups: Sequence[str] = (),
    scale: Collection[str] = ("deviation",),
    seed: int = 0,
) -> Calibrations:
    """Return the calibration of each method and target, left out where a method has no finite score.

    The doubts of a method that tells distances stand beside its targets, by the name `DOUBT`: the table of
    `trust`, in which each record counts once. It is `relative` and `distant` where deviations are part of
    them.

    Parameters
    ----------
    methods
        As in `surrogates.evaluation.evaluate.evaluate`.
    batches
        Of the validation split; its cells count as in the score.
    targets
        What is predicted, and where it counts.
    blocks
        Label of each example's block, in the order of the batches; blocks count alike.
    groups
        Variables whose values the blocks are, where whole groups are exchangeable.
    scale
        What the widths of intervals follow, where a method tells it: `deviation`, `distance`.
    seed
        Of the generator that each method receives anew for each batch.
    """
    found: dict[tuple[str, str], tuple[Arrays, Arrays]] = {}
    scaled: dict[tuple[str, str], tuple[bool, bool]] = {}
    turns = turns_of(target.spec for target in targets)
    most = max(1, min(MOST_CELLS, MOST_SCORES // max(1, len(blocks))))
    for number, batch in enumerate(batches):
        weights = {target.spec.name: _chosen(target.weight(batch), most) for target in targets}
        inputs = inputs_of(batch, targets)
        for method, predict in methods.items():
            prediction = ask(predict, inputs, seed=seed + number)
            for target in targets:
                require_answer(target, prediction, batch, method)
            distance = prediction.get(DISTANCE)
            for name, chosen in weights.items():
                scores, kept = found.setdefault((method, name), ([], []))
                reach = reaches(prediction, name) if "deviation" in scale else None
                far = distance if "distance" in scale else None
                scaled[method, name] = reach is not None, far is not None
                scores += _scores(batch[name], prediction[name], reach, far, chosen, turns.get(name))
                kept += [weight for _, weight in chosen]
            if distance is not None:
                scores, kept = found.setdefault((method, DOUBT), ([], []))
                doubts = doubt(prediction, weights)
                scores += list(doubts.cpu().numpy()[:, None])
                kept += [np.ones(1)] * len(doubts)
                scaled[method, DOUBT] = (doubts is not distance,) * 2
    tables: Calibrations = {method: {} for method in methods}
    for (method, name), (scores, kept) in found.items():
        relative, distant = scaled[method, name]
        table = Calibration.of(scores, kept, blocks, relative=relative, distant=distant, groups=groups)
        if table is not None:
            tables[method][name] = table
    return tables


def _chosen(weight: Tensor, most: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return flat indices and weights of the cells of each record that count, or of some spread over them."""
    chosen = []
    for row in weight.reshape(len(weight), -1).cpu().numpy():
        cells = np.flatnonzero(row > 0)
        if cells.size > most:
            cells = cells[np.linspace(0, cells.size - 1, most).astype(int)]
        chosen.append((cells, row[cells]))
    return chosen


def _scores(
    truth: Tensor,
    guess: Tensor,
    reach: tuple[Tensor, Tensor] | None,
    distance: Tensor | None,
    chosen: Sequence[tuple[np.ndarray, np.ndarray]],
    turn: float | None,
) -> Arrays:
    difference = exact(truth.cpu()) - exact(guess.cpu())
    if turn is not None:
        difference = wrapped(difference, turn)
    error = difference.abs()
    if reach is not None:
        below, above = (each.cpu().double() for each in reach)
        width = above if difference.is_complex() else torch.where(difference < 0, below, above)
        # A width of zero where the error is zero was right; any other error is beyond every multiple.
        error = (error / width).where((error != 0) | (width != 0), 0.0)
    rows = error.reshape(len(error), -1).numpy()
    if distance is not None:
        rows = rows / stretch(distance.cpu().double().numpy())[:, None]
    return [
        np.where(np.isnan(row[cells]), np.inf, row[cells]).astype(np.float32)
        for row, (cells, _) in zip(rows, chosen, strict=True)
    ]
