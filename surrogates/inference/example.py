"""A few test records inside a bundle, with its predictions when it was packed: `example.safetensors`."""

from collections.abc import Mapping
from pathlib import Path

import torch
import xarray as xr
from safetensors.torch import load_file, save_file
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.inference.bundle import Bundle
from surrogates.inference.errors import BundleError
from surrogates.inference.manifest import Manifest
from surrogates.inference.weights import read_header
from surrogates.learning.context import masks_of
from surrogates.learning.layout import is_complex

EXAMPLE = "example.safetensors"
PREDICTED = "predicted."
SEED = 0
MAX_EXAMPLE = 1 << 28


def write_example(path: Path, bundle: Bundle, batch: Batch) -> None:
    """Write inputs, targets and mask of a batch, and the targets that a bundle predicts for it.

    Parameters
    ----------
    path
        The file.
    bundle
        Bundle with the weights that it will be loaded with.
    batch
        Records of the test subset, in physical units.
    """
    names = [spec.name for spec in _specs(bundle.manifest)]
    inputs = {spec.name: batch[spec.name] for spec in bundle.manifest.pipeline.inputs}
    answer = answer_of(bundle, inputs)
    targets = [spec.name for spec in bundle.manifest.pipeline.targets]
    tensors = {name: batch[name] for name in names if name in batch}
    tensors |= {f"{PREDICTED}{name}": answer[name] for name in targets}
    save_file({name: value.cpu().contiguous().clone() for name, value in tensors.items()}, path)


def answer_of(bundle: Bundle, inputs: Batch) -> Batch:
    """Return what a bundle predicts for the inputs of its example, always by the same draws."""
    return bundle.predict(inputs, torch.Generator(device=bundle.device).manual_seed(SEED))


def read_example(bundle: Bundle) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the records of a bundle's example, and their predictions when it was packed.

    Raises
    ------
    BundleError
        When the bundle has no example, or it does not fit the bundle's variables.
    """
    manifest = bundle.manifest
    if EXAMPLE not in manifest.files:
        raise BundleError(
            f"{bundle.folder} holds no example; bundles of `surrogates zoo` do. Ask this one with records of "
            "your own, or of the store that it was trained on."
        )
    size = (bundle.folder / EXAMPLE).stat().st_size
    if size > MAX_EXAMPLE:
        raise BundleError(f"{bundle.folder / EXAMPLE} has {size} bytes; at most {MAX_EXAMPLE} are read.")
    header = read_header(bundle.folder / EXAMPLE)
    specs = {spec.name: spec for spec in _specs(manifest)}
    known = specs | {f"{PREDICTED}{spec.name}": spec for spec in manifest.pipeline.targets}
    if unknown := header.keys() - known.keys():
        raise BundleError(f"{EXAMPLE} holds {listing(unknown)}; expected only {listing(known)}.")
    if missing := {spec.name for spec in manifest.pipeline.inputs} - header.keys():
        raise BundleError(f"{EXAMPLE} lacks the input {listing(missing)}. Fetch the bundle again.")
    for name, (shape, dtype) in header.items():
        _require_shape(name, shape, known[name])
        _require_type(name, dtype, known[name])
    _require_equal_records({name: shape for name, (shape, _) in header.items()}, known, manifest)
    tensors = load_file(bundle.folder / EXAMPLE)
    predicted = {name: tensors[f"{PREDICTED}{name}"] for name in specs if f"{PREDICTED}{name}" in tensors}
    return _dataset(tensors, specs, manifest), _dataset(predicted, specs, manifest)


def _specs(manifest: Manifest) -> list[VariableSpec]:
    config = manifest.pipeline
    return [*config.inputs, *config.targets, *masks_of(manifest.mask)]


def _require_shape(name: str, found: tuple[int, ...], spec: VariableSpec) -> None:
    if len(found) != len(spec.dims) or found[len(found) - len(spec.shape) :] != spec.shape:
        raise BundleError(
            f"{EXAMPLE}: {name!r} has the shape {found}; expected {spec.shape} for each record. "
            "Fetch the bundle again."
        )


def _require_type(name: str, found: torch.dtype | None, spec: VariableSpec) -> None:
    """Refuse a type that no batch has, other than the variable's own and single precision of a number."""
    own = getattr(torch, spec.dtype, None)
    single = {torch.complex64} if is_complex(spec) else {torch.float32}
    if found is None or found not in ({own} if own is torch.bool else {own} | single):
        raise BundleError(
            f"{EXAMPLE}: {name!r} is of the type {found}; expected {spec.dtype}. Fetch the bundle again."
        )


def _require_equal_records(
    shapes: Mapping[str, tuple[int, ...]], specs: Mapping[str, VariableSpec], manifest: Manifest
) -> None:
    dimension = manifest.pipeline.record_dimension
    counts = {name: shape[0] for name, shape in shapes.items() if dimension in specs[name].dims}
    if len(set(counts.values())) > 1 or 0 in counts.values():
        raise BundleError(
            f"{EXAMPLE} holds {', '.join(f'{count} of {name}' for name, count in counts.items())}; expected "
            "the same number of records, one or more. Fetch the bundle again."
        )


def _dataset(
    tensors: Mapping[str, Tensor], specs: Mapping[str, VariableSpec], manifest: Manifest
) -> xr.Dataset:
    """Return tensors with the dimensions, units and coordinates of the manifest."""
    variables = {
        name: (spec.dims, tensors[name].numpy(), spec.to_attributes())
        for name, spec in specs.items()
        if name in tensors
    }
    dims = {dim for names, *_ in variables.values() for dim in names}
    coordinates = {
        dim: xr.DataArray(each.values, dims=dim, attrs=each.attributes)
        for dim, each in manifest.coordinates.items()
        if dim in dims
    }
    return xr.Dataset(variables, coords=coordinates)
