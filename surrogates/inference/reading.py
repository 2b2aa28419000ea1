"""A data set as the inputs of a surrogate: read and checked slice by slice, in the units of training."""

import warnings
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
import xarray as xr

from datasets.store.checks import check, missing
from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.data.batch import Batch
from surrogates.inference.attributes import require_decoded
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.learning.directions import first_value, full_turn, is_direction, within_turn
from surrogates.learning.layout import field_dims, is_complex

Ends = Mapping[str, tuple[float, float]]


def extrapolation(
    spec: VariableSpec, smallest: float, largest: float, ends: tuple[float, float]
) -> str | None:
    """Return a message if values of an input leave its training range, else None.

    Parameters
    ----------
    spec
        Of the input.
    smallest, largest
        Of the values, or of the modulus of complex ones.
    ends
        Smallest and largest training value; of complex ones 0 and the largest modulus.
    """
    low, high = ends
    slack = 1e-6 * max(abs(low), abs(high), high - low)
    worst = smallest if smallest < low - slack else largest
    if low - slack <= worst <= high + slack:
        return None
    units = display(spec.units) or "(no unit)"
    name = f"|{spec.name}|" if is_complex(spec) else spec.name
    return (
        f"{name} is {worst:.6g} {units}, outside its training range of {low:.6g} to {high:.6g} {units}; "
        "the prediction is an extrapolation."
    )


def as_given(spec: VariableSpec, ds: xr.Dataset, record_dimension: str) -> VariableSpec:
    """Return the spec of an input with the lengths that a data set has along dimensions of any length.

    Such an input, as the coordinates of points, may lack the record dimension or have it, whatever it had in
    training.
    """
    if not spec.any_length or spec.name not in ds.variables:
        return spec
    own = field_dims(spec, record_dimension)
    lengths = dict(zip(own, spec.shape, strict=True)) | {
        dim: ds.sizes[dim] for dim in spec.any_length if dim in ds[spec.name].dims
    }
    recorded = (record_dimension,) if record_dimension in ds[spec.name].dims else ()
    return spec.model_copy(update={"dims": (*recorded, *own), "shape": tuple(lengths[dim] for dim in own)})


class Inputs:
    """Inputs that are read and checked slice by slice.

    Parameters
    ----------
    ds
        Holds the inputs by name.
    specs
        Of the inputs.
    record_dimension
        Of the examples; a data set without it is one example.
    ranges
        Smallest and largest training values.
    positions
        Inputs that are locations in a field, which may be larger than the window of training.
    """

    def __init__(
        self,
        ds: xr.Dataset,
        specs: Sequence[VariableSpec],
        record_dimension: str,
        ranges: Ends,
        positions: Iterable[str] = (),
    ) -> None:
        self._specs = {spec.name: as_given(spec, ds, record_dimension) for spec in specs}
        self._record_dimension, self._ranges = record_dimension, ranges
        self._positions = frozenset(positions)
        self._seen: dict[str, tuple[float, float]] = {}
        for name, spec in self._specs.items():
            if name not in ds.variables:
                raise ContractError(missing(ds, spec))
        self.ds = ds[list(self._specs)]

    @property
    def sizes(self) -> dict[str, int]:
        """Lengths of the dimensions."""
        return {str(dim): size for dim, size in self.ds.sizes.items()}

    @property
    def records(self) -> int:
        """Number of examples."""
        return self.sizes.get(self._record_dimension, 1)

    @property
    def at_points(self) -> dict[str, VariableSpec]:
        """Specs, as they are given, of the inputs along a dimension of any length."""
        return {name: spec for name, spec in self._specs.items() if spec.any_length}

    @property
    def single(self) -> bool:
        """Whether every input that varies lacks the record dimension, and only that."""
        return all(
            {self._record_dimension, *self.ds[name].dims} == set(spec.dims)
            and len(self.ds[name].dims) < len(spec.dims)
            for name, spec in self._specs.items()
            if name in self.ds.variables and self._record_dimension in spec.dims
        )

    def read(
        self, slices: Mapping[str, slice], device: torch.device, only: Sequence[str] | None = None
    ) -> Batch:
        """Return inputs in some slices, and all of the dimensions that are not named.

        Parameters
        ----------
        slices
            By dimension: the record dimension, and those of the grid if the field is read in tiles.
        device
            Where the tensors go.
        only
            Names, all inputs by default.

        Raises
        ------
        ContractError
            Names the variable and what was found and expected.
        """
        names = list(self._specs) if only is None else only
        read = self.ds[list(names)].isel(slices, missing_dims="ignore")
        if self.single:
            varying = [name for name in names if self._record_dimension in self._specs[name].dims]
            read = read.assign({name: read[name].expand_dims(self._record_dimension) for name in varying})
        first = slices[self._record_dimension].start
        try:
            read = read.load()
            for name in names:
                require_decoded(read[name], self._specs[name])
            checked = check(
                read,
                [self._there(self._specs[name], slices) for name in names],
                record_dimension=self._record_dimension,
                first_record=first,
            )
        except (RuntimeError, MemoryError) as error:  # of codecs, on damaged bytes
            raise ContractError(
                f"the inputs {', '.join(names)} cannot be read from record {first} on "
                f"({' '.join(str(error).split()) or type(error).__name__}); the file is damaged: get it anew"
            ) from error
        batch = {}
        for name in names:
            values = checked[name].values
            self._widen(name, values)
            tensor = torch.from_numpy(np.ascontiguousarray(values))
            batch[name] = tensor.to(device, _type_of(tensor))
        return batch

    def warn_out_of_range(self, stacklevel: int) -> None:
        """Warn of each input of which something that was read lies outside its training range."""
        for name, (smallest, largest) in self._seen.items():
            found = extrapolation(self._specs[name], smallest, largest, self._ranges[name])
            if found is not None:
                warnings.warn(found, OutOfRangeWarning, stacklevel=stacklevel + 1)

    def _there(self, spec: VariableSpec, slices: Mapping[str, slice]) -> VariableSpec:
        """Return the spec of an input in these slices."""
        dims = field_dims(spec, self._record_dimension)
        changes: dict[str, object] = {
            "shape": tuple(
                slices[dim].stop - slices[dim].start if dim in slices else length
                for dim, length in zip(dims, spec.shape, strict=True)
            )
        }
        if is_direction(spec) or (spec.name in self._positions and len(slices) > 1):
            changes |= {"minimum": None, "maximum": None}
        return spec.model_copy(update=changes)

    def _widen(self, name: str, values: np.ndarray) -> None:
        known = values[~np.isnan(values)] if name in self._ranges else np.empty(0)
        if known.size and (turn := full_turn(self._specs[name])) is not None:
            first = first_value(self._specs[name])
            known = within_turn(torch.from_numpy(known), turn, first).numpy()
        known = np.abs(known) if known.dtype.kind == "c" else known
        if known.size:
            low, high = self._seen.get(name, (np.inf, -np.inf))
            self._seen[name] = min(low, float(known.min())), max(high, float(known.max()))


def _type_of(tensor: torch.Tensor) -> torch.dtype:
    """Return the type of a tensor in a batch."""
    if tensor.is_complex():
        return torch.complex64
    return torch.bool if tensor.dtype == torch.bool else torch.float32
