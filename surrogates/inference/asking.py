"""How a bundle is asked for a whole prediction: a few records, some of their points, or a tile at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.inference.bundle import Bundle
from surrogates.inference.drawing import Drawing
from surrogates.inference.outputs import doubts_of, most_doubtful, specs_of, stretch_name, with_stretch
from surrogates.inference.reading import Inputs
from surrogates.inference.sinks import Portion
from surrogates.inference.tiling import Axis, blend
from surrogates.learning.answers import beside, member_name
from surrogates.learning.conformal import Calibration
from surrogates.learning.directions import rolled, turns_of, unrolled
from surrogates.learning.distance import DISTANCE, DOUBT
from surrogates.learning.members import MEMBER_LEVELS, Noise
from surrogates.learning.tile import Reader, Tile

CELLS_PER_BATCH = 1 << 20
POINTS_PER_BATCH = 1 << 16
"""Points that are asked about at a time, together for all records that have points of their own."""
SEED = 0


@dataclass(frozen=True)
class Asking:
    """What is asked of a bundle.

    Attributes
    ----------
    bundle
        That answers.
    drawing
        What is drawn for each record.
    stretched
        Calibrations, some of whose intervals widen with the distance to the training data.
    trust
        Calibration of the score, where it is wanted.
    members
        Whether the members are wanted too.
    """

    bundle: Bundle
    drawing: Drawing
    stretched: Mapping[str, Calibration]
    trust: Calibration | None
    members: bool

    def batches(self, inputs: Inputs, rows: int | None) -> Iterator[Portion]:
        """Predict a few examples at a time, and of many points some at a time.

        Parameters
        ----------
        inputs
            Checked.
        rows
            Most rows of the network's batch; by default as many as make about a million cells.
        """
        rng, rows = generator(self.bundle), rows or records_at_a_time(self.bundle, inputs)
        size, points = self.drawing.records_at_a_time(rows), list(_points(inputs))
        for start in range(0, max(inputs.records, 1), size):
            records = {self._record: slice(start, min(start + size, inputs.records))}
            far: dict[str, np.ndarray] = {}
            for slices in ({**records, **each} for each in points):
                batch = inputs.read(slices, self.bundle.device)
                noise = self.drawing.of_batch(batch, rows, slices, inputs.sizes)
                yield slices, most_doubtful(self(batch, rng, noise), far) | far

    def tiles(self, inputs: Inputs, axes: Sequence[Axis], rows: int) -> Iterator[Portion]:
        """Predict one tile after the other; read only its inputs and what its transform asks for.

        The doubt of a record is that of its most doubtful tile so far: of its last portion that of all.
        """
        rng, device = generator(self.bundle), self.bundle.device
        names, whole = [spec.name for spec in inputs_of(self.bundle)], tuple(axis.field for axis in axes)
        outputs = {spec.name: spec for spec in self.bundle.outputs}
        names_beside = {each for name in outputs for each in (*beside(name), member_name(name))}
        specs = specs_of(outputs, names_beside, None, len(levels_of(self.bundle)), self.drawing.samples)
        specs |= {stretch_name(name): spec for name, spec in outputs.items()}
        turns = turns_of(outputs.values())
        directions = [outputs[name] for name in turns]
        for record in range(inputs.records):
            records = {self._record: slice(record, record + 1)}

            def reader(name: str, window: tuple[slice, ...], records: dict[str, slice] = records) -> Tensor:
                slices = records | {axis.dim: cut for axis, cut in zip(axes, window, strict=True)}
                return inputs.read(slices, device, [name])[name]

            far: dict[str, np.ndarray] = {}
            noise = self.drawing.of_field(inputs, records, axes, rows, device)

            def tile(
                window: tuple[slice, ...],
                reader: Reader = reader,
                far: dict[str, np.ndarray] = far,
                noise: Sequence[Noise] = noise,
            ) -> dict[str, np.ndarray]:
                there = [replace(each, window=window, field=whole) for each in noise]
                return unrolled(
                    most_doubtful(self(Tile(names, window, whole, reader), rng, there), far), turns
                )

            for band, values in blend(tile, axes, specs):
                yield records | {axes[0].dim: band}, rolled(values, directions) | far

    def __call__(
        self, inputs: Mapping[str, Tensor], rng: torch.Generator, noise: Sequence[Noise] = ()
    ) -> dict[str, np.ndarray]:
        """Return targets and what is beside them as arrays, NaN in cells that an input covers.

        The parameters are those of `Bundle.predict`.
        """
        far = self.trust is not None or bool(self.stretched)
        answer = self.bundle.predict(inputs, rng, noise, far=far)
        found = {DISTANCE: answer[DISTANCE].cpu().numpy()} if far else {}
        if self.trust is not None:
            targets = [spec.name for spec in self.bundle.outputs]
            found[DOUBT] = doubts_of(answer, targets, self.trust)
        for spec in self.bundle.outputs:
            hidden, name = covered(self.bundle, inputs, spec), spec.name
            for each in (name, *beside(name), *([member_name(name)] if self.members else [])):
                if each in answer:
                    value = answer[each]
                    if hidden is not None:  # quantiles and members have one axis more, behind the record
                        value = value.masked_fill(
                            hidden if value.ndim == hidden.ndim else hidden[:, None], torch.nan
                        )
                    found[each] = value.cpu().numpy()
        found = with_stretch(found, self.stretched)
        found.pop(DISTANCE, None)
        return found

    @property
    def _record(self) -> str:
        return self.drawing.record_dimension


def inputs_of(bundle: Bundle) -> Sequence[VariableSpec]:
    """Return the specs of what a bundle is asked with."""
    return bundle.manifest.pipeline.inputs


def covered(bundle: Bundle, inputs: Mapping[str, Tensor], target: VariableSpec) -> Tensor | None:
    """Return the cells of a target that have no answer, or None if a transform covers none."""
    covers = [
        inputs[spec.name] > 0
        for spec in inputs_of(bundle)
        if spec.dims == target.dims
        and any(spec.name in part.transform.covered_by for part, _ in bundle.parts)
    ]
    reaching = {pair for part, _ in bundle.parts for pair in part.transform.reaches_up.items()}
    covers += [
        _reached(bundle, inputs[name], name, dim, target) for name, dim in reaching if dim in target.dims
    ]
    return torch.stack(covers).any(0) if covers else None


def _reached(bundle: Bundle, values: Tensor, name: str, dim: str, target: VariableSpec) -> Tensor:
    """Return the cells of a target whose coordinate along a dimension is at most an input's value."""
    levels = values.new_tensor(bundle.manifest.coordinates[dim].values)
    (own,) = (spec.dims for spec in inputs_of(bundle) if spec.name == name)
    along = [slice(None) if each == dim else None for each in target.dims]
    there = tuple(slice(None) if each in own else None for each in target.dims)
    return values[there] >= levels[tuple(along)]


def generator(bundle: Bundle) -> torch.Generator:
    """Return the generator of a prediction's draws; a new one for each keeps equal answers equal."""
    return torch.Generator(device=bundle.device).manual_seed(SEED)


def levels_of(bundle: Bundle) -> tuple[float, ...]:
    """Return the levels of the quantiles beside each target."""
    return MEMBER_LEVELS if bundle.samples else bundle.parts[0][0].head.levels


def batch_size_of(bundle: Bundle) -> int:
    """Return how many examples are predicted at a time, as many as make about a million cells."""
    cells = max(prod(spec.shape) for spec in (*inputs_of(bundle), *bundle.outputs))
    return max(1, CELLS_PER_BATCH // max(cells, 1))


def records_at_a_time(bundle: Bundle, inputs: Inputs) -> int:
    """Return `batch_size_of`, fewer where a record has more points than in training."""
    points = [min(prod(spec.shape), POINTS_PER_BATCH) for spec in inputs.at_points.values()]
    if not points:
        return batch_size_of(bundle)
    record = bundle.manifest.pipeline.record_dimension
    own = any(record in spec.dims for spec in inputs.at_points.values())
    fixed = [prod(spec.shape) for spec in inputs_of(bundle) if not spec.any_length]
    most = POINTS_PER_BATCH // max(*points, 1) if own else CELLS_PER_BATCH // max(*points, *fixed, 1)
    return max(1, most)


def _points(inputs: Inputs) -> Iterator[dict[str, slice]]:
    """Yield slices of a dimension of any length, at most `POINTS_PER_BATCH` long; one without any if none."""
    dims = {dim for spec in inputs.at_points.values() for dim in spec.any_length}
    if not dims:
        yield {}
        return
    dim = min(dims)
    count = inputs.sizes[dim]
    for start in range(0, max(count, 1), POINTS_PER_BATCH):
        yield {dim: slice(start, min(start + POINTS_PER_BATCH, count))}
