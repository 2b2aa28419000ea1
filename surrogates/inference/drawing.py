"""Members of a prediction: how many, from which random numbers, and how many at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import torch

from datasets.store.specs import VariableSpec
from surrogates.data.batch import Batch
from surrogates.inference.bundle import Bundle
from surrogates.inference.errors import BundleError
from surrogates.inference.reading import Inputs
from surrogates.inference.sinks import memory_of_machine
from surrogates.inference.tiling import Axis
from surrogates.learning.answers import MEMBER
from surrogates.learning.members import MOST_SAMPLES, Noise, identities

BYTES = 8
"""Of a cell of a member: it is held once, and once more in order."""


def check_samples(bundle: Bundle, samples: int | None, seed: int, interval: float | None) -> None:
    """Refuse members that a bundle cannot give.

    Raises
    ------
    ValueError
        For a number of members or a seed out of range, more members than fit into memory, or another number
        than the one that the intervals were calibrated with.
    BundleError
        When neither the predictor draws members nor the bundle is an ensemble, or when a target has the
        dimension of the members itself.
    """
    if seed < 0:
        raise ValueError(f"seed is {seed}; expected 0 or more.")
    if samples is None:
        return
    if not 1 <= samples <= MOST_SAMPLES:
        raise ValueError(
            f"samples is {samples}; expected 1 to {MOST_SAMPLES} members, or leave it out for a prediction "
            "without members."
        )
    size = BYTES * samples * sum(prod(spec.shape) for spec in bundle.outputs)
    if size > memory_of_machine():
        raise ValueError(
            f"samples is {samples}: the members of one record take {size:.3g} bytes, more than the memory of "
            "this machine; ask for fewer."
        )
    count = len(bundle.parts)
    if not bundle.samples and count == 1:
        head = bundle.manifest.pipeline.head["name"]
        cells = "" if head == "point" else f": its head '{head}' tells nothing of how cells vary together"
        raise BundleError(
            f"samples={samples} was asked for, but the bundle draws no members{cells}; train with a "
            "predictor that samples, or predict with an ensemble of several runs."
        )
    if not bundle.samples and samples != count:
        raise ValueError(
            f"samples is {samples}, but the ensemble has {count} networks, each of which is one member; ask "
            f"for samples={count}."
        )
    if interval is not None and bundle.samples and samples != bundle.samples:
        raise ValueError(
            f"samples is {samples}, but the intervals were calibrated with {bundle.samples} members; ask for "
            f"samples={bundle.samples}, or leave interval out."
        )
    for spec in bundle.outputs:
        if MEMBER in (*spec.dims, spec.name):
            raise BundleError(
                f"samples={samples} was asked for, but '{spec.name}' has a dimension or the name '{MEMBER}' "
                "itself; predict without members."
            )


@dataclass(frozen=True)
class Drawing:
    """What is drawn for a prediction.

    Attributes
    ----------
    samples
        Members of each record; 0 for a prediction without any.
    seed
        Of all of them.
    specs
        Of the inputs.
    record_dimension, grid
        Names of the batched dimension and of those of the network's answers.
    """

    samples: int
    seed: int
    specs: Sequence[VariableSpec]
    record_dimension: str
    grid: tuple[str, ...]

    def records_at_a_time(self, rows: int) -> int:
        """Return of how many records all members fit in some rows of the network's batch."""
        return max(1, rows // max(1, self.samples))

    def of_batch(
        self, batch: Batch, rows: int, slices: Mapping[str, slice], sizes: Mapping[str, int]
    ) -> list[Noise]:
        """Return the noise of a batch, as many members at a time as fit in some rows.

        Parameters
        ----------
        batch
            Inputs of all its records.
        rows
            Most rows of the network's batch.
        slices, sizes
            What the batch is of dimensions of any length, and their whole lengths.
        """
        if not self.samples:
            return []
        known = identities([batch], self.specs, self.record_dimension)
        cut = self.grid if all(dim in slices for dim in self.grid) else ()
        window, field = tuple(slices[dim] for dim in cut), tuple(sizes[dim] for dim in cut)
        device = next(iter(batch.values())).device
        noise = Noise(known, tuple(range(self.samples)), self.seed, window, field, device)
        return _at_a_time(noise, max(1, rows // max(1, len(known))))

    def of_field(
        self,
        inputs: Inputs,
        records: Mapping[str, slice],
        axes: Sequence[Axis],
        rows: int,
        device: torch.device,
    ) -> list[Noise]:
        """Return the noise of a record that is predicted in tiles, for each of which it gets a window."""
        if not self.samples:
            return []
        known = identities(_boxes(inputs, records, axes), self.specs, self.record_dimension)
        noise = Noise(known, tuple(range(self.samples)), self.seed, device=device)
        return _at_a_time(noise, rows)


def _at_a_time(noise: Noise, count: int) -> list[Noise]:
    members = noise.members
    return [noise.of_members(members[first : first + count]) for first in range(0, len(members), count)]


def _boxes(inputs: Inputs, records: Mapping[str, slice], axes: Sequence[Axis]) -> Iterator[Batch]:
    """Read a field in boxes of the size of a tile, each cell once."""
    for corner in product(*(range(0, axis.field, axis.window) for axis in axes)):
        box = {
            axis.dim: slice(start, min(start + axis.window, axis.field))
            for axis, start in zip(axes, corner, strict=True)
        }
        yield inputs.read({**records, **box}, torch.device("cpu"))
