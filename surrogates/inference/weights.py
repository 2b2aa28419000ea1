"""Read and write safetensors; a network takes memory only after it matches the file's header."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from surrogates.core.text import listing
from surrogates.inference.errors import BundleError
from surrogates.learning.context import Context
from surrogates.learning.layout import Layout, shared_grid
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

MAX_MODULES = 100_000
SPARE_ELEMENTS = 1 << 26  # tables that a constructor computes and that are not stored with the weights
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "C64": torch.complex64,
}
Header = dict[str, tuple[tuple[int, ...], torch.dtype | None]]


def save_weights(module: nn.Module, path: Path) -> None:
    """Write a module's state; tensors that share memory are written apart."""
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in module.state_dict().items()}
    save_file(state, path)


def require_weights(config: PipelineConfig, path: Path, context: Context | None = None) -> None:
    """Refuse a file of weights that does not belong to a configuration, without reading the weights.

    The pipeline is built on torch's `meta` device, which takes no memory, and may not have more parameters
    than the file; names, shapes and types are compared with the file's header.

    Raises
    ------
    BundleError
        When the file is damaged, or does not belong to the configuration.
    """
    header = read_header(path)
    budget = sum(prod(shape) for shape, _ in header.values())
    skeleton = _build_without_memory(config, budget, context)
    _compare(header, {name: (tuple(t.shape), t.dtype) for name, t in skeleton.state_dict().items()})


def load_pipeline(config: PipelineConfig, path: Path, context: Context | None = None) -> Pipeline:
    """Build a pipeline and give it the weights of a file that `require_weights` accepts.

    Weights that the file holds in half precision become single precision.

    Raises
    ------
    BundleError
        When a weight is NaN or infinite.
    """
    with torch.random.fork_rng(devices=[]):
        pipeline = Pipeline(config, context)
    with safe_open(path, framework="pt", device="cpu") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if spoilt := [name for name, values in weights.items() if not torch.isfinite(values).all()]:
        raise BundleError(
            f"{path} holds NaN or infinity in {listing(spoilt[:5])}, with which nothing is predicted; it is "
            "damaged, or its training diverged. Fetch the bundle again, or train again."
        )
    pipeline.load_state_dict(weights, strict=True)
    return pipeline.eval()


def read_header(path: Path) -> Header:
    """Names, shapes and types of the tensors in a file; their values are not read."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            slices: dict[str, Any] = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {name: (tuple(s.get_shape()), _DTYPES.get(s.get_dtype())) for name, s in slices.items()}
    except (SafetensorError, OSError) as error:
        raise BundleError(f"{path} is no intact safetensors file: {error}. Fetch the bundle again.") from None


def _refuse_channels(config: PipelineConfig, budget: int) -> None:
    """Each channel has a mean in the file: more channels than numbers cannot match."""
    chosen = config.transform.get("grid")
    grid = (
        shared_grid(config.inputs, config.targets, config.record_dimension)
        if chosen is None
        else tuple(chosen)
    )
    for specs in (config.inputs, config.targets):
        channels = Layout(tuple(specs), grid, config.record_dimension).channels
        if channels > budget + SPARE_ELEMENTS:
            raise BundleError(
                f"The variables make {channels} channels, but the weights have {budget} numbers."
            )


def _build_without_memory(config: PipelineConfig, budget: int, context: Context | None) -> Pipeline:
    with _capped(budget), torch.device("meta"):
        try:
            _refuse_channels(config, budget)
            return Pipeline(config, context)
        except BundleError:
            raise
        except ValueError as error:
            raise BundleError(f"The bundle cannot be built: {error}") from None
        except (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError) as error:
            # A constructor refused its arguments with its own error, e.g. a size beyond 64 bits.
            message = " ".join(str(error).split())[:300]
            raise BundleError(f"The bundle's arguments do not make a network: {message}") from None


@contextmanager
def _capped(budget: int) -> Iterator[None]:
    """Stop the construction of modules in this thread once they hold more than the file can fill."""
    thread = threading.get_ident()
    used = {"parameters": 0, "buffers": 0, "modules": 0}
    limits = {"parameters": budget, "buffers": budget + SPARE_ELEMENTS, "modules": MAX_MODULES}

    def count(kind: str, amount: int) -> None:
        if threading.get_ident() != thread:
            return
        used[kind] += amount
        if used[kind] > limits[kind]:
            raise BundleError(
                f"The bundle's arguments ask for more than {limits[kind]} {kind}, more than its weights "
                "fill; it is damaged or hostile."
            )

    def on_tensor(kind: str) -> Any:
        return lambda module, name, tensor: count(kind, tensor.numel() if isinstance(tensor, Tensor) else 0)

    hooks = [
        register_module_parameter_registration_hook(on_tensor("parameters")),
        register_module_buffer_registration_hook(on_tensor("buffers")),
        register_module_module_registration_hook(lambda module, name, child: count("modules", 1)),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _compare(found: Header, expected: Header) -> None:
    if missing := expected.keys() - found.keys():
        raise BundleError(f"The weights lack {listing(sorted(missing)[:5])}; they belong to another network.")
    if extra := found.keys() - expected.keys():
        raise BundleError(
            f"The weights have {listing(sorted(extra)[:5])} too many; they belong to another network."
        )
    for name, wanted in expected.items():
        if found[name] not in (wanted, _halved(wanted)):
            raise BundleError(
                f"The weight {name!r} has shape and type {found[name]}; the network of {wanted} was expected."
            )


def _halved(
    wanted: tuple[tuple[int, ...], torch.dtype | None],
) -> tuple[tuple[int, ...], torch.dtype | None]:
    """Return the shape and type in which a file may hold a tensor of single precision to save room."""
    shape, dtype = wanted
    return shape, torch.float16 if dtype == torch.float32 else dtype
