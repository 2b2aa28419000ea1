"""What an answer costs: parameters, floating point operations, latency and memory of each method.

Operations are those of `torch.utils.flop_counter`: two for each multiplication with its addition in matrix
products, convolutions and attention. By its convention elementwise arithmetic, reductions, norms, pooling and
interpolation do not count. An operator outside of both, and what leaves PyTorch, is named, and the number is
then a lower bound.
"""

import time
import tracemalloc
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from surrogates.data.batch import Batch
from surrogates.evaluation.evaluate import Method, ask
from surrogates.learning.piece import Piece

MOST_RUNS, SECONDS = 20, 0.15
"""Of the timed runs of a method: their number, and the time after which no further one starts."""
TRACKED, CUDA = (
    "tracked: PyTorch's tensors, or NumPy's arrays if those are larger",
    "peak of CUDA's allocator",
)
OUTSIDE: Mapping[Callable[..., Any], str] = {
    Tensor.numpy: "NumPy",
    Tensor.__array__: "NumPy",
    Tensor.__dlpack__: "another library (DLPack)",
}
_CHEAP = """
arange eye full linspace scalar_tensor zeros ones empty new_empty new_zeros new_ones new_full empty_like
zeros_like ones_like full_like empty_strided new_empty_strided rand randn rand_like randn_like randint
randperm bernoulli normal uniform random _to_copy _local_scalar_dense _unsafe_view copy lift lift_fresh
lift_fresh_copy contiguous cat stack constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d
replication_pad1d replication_pad2d replication_pad3d repeat repeat_interleave flip roll index
index_select index_put _index_put_impl _unsafe_index _unsafe_masked_index gather scatter scatter_add
index_add select_scatter slice_scatter masked_select masked_scatter embedding take unfold im2col col2im
unsafe_split unsafe_chunk split_with_sizes _reshape_copy pixel_shuffle pixel_unshuffle channel_shuffle
tril triu nonzero bincount unique_dim _unique2 sum mean amax amin max min aminmax argmax argmin prod any
all var var_mean std std_mean median nanmedian mode nansum logsumexp norm linalg_vector_norm
count_nonzero cumsum cumprod sort topk searchsorted bucketize isin equal is_nonzero _softmax
_log_softmax native_layer_norm native_group_norm native_batch_norm _native_batch_norm_legit
_native_batch_norm_legit_no_training batch_norm _batch_norm_no_update cudnn_batch_norm native_dropout
instance_norm _weight_norm_interface max_pool1d max_pool2d_with_indices max_pool3d_with_indices
avg_pool1d avg_pool2d avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d
adaptive_max_pool3d upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d
_upsample_nearest_exact2d upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d
_upsample_bilinear2d_aa _upsample_bicubic2d_aa mse_loss l1_loss _linalg_check_errors resize set
record_stream _assert_async _assert_scalar sym_size is_same_size view_as_real_copy view_as_complex_copy
_conj_physical resolve_conj resolve_neg
"""
CHEAP = frozenset(_CHEAP.split())
"""By convention not counted: creation, movement, reductions, norms, pooling, interpolation, comparison."""


@dataclass(frozen=True)
class Overhead:
    """What one answer of a method costs, for one record.

    Attributes
    ----------
    method
        Name of the method.
    parameters
        Numbers that it holds: of a network its parameters, of a baseline what was fitted.
    flops
        Floating point operations that were counted.
    uncounted
        Operators that were not; without any `flops` is exact, else a lower bound.
    latency
        Median time, s.
    runs, threads, device
        Of the timed runs: how many, with how many threads of PyTorch, and where.
    memory
        Peak of what the answer allocates beside its inputs and the method, bytes.
    memory_of
        How it was measured.
    """

    method: str
    parameters: int
    flops: int
    uncounted: tuple[str, ...]
    latency: float
    runs: int
    threads: int
    device: str
    memory: int
    memory_of: str

    @property
    def is_lower_bound(self) -> bool:
        """Whether more operations take place than `flops` counts."""
        return bool(self.uncounted)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "uncounted": list(self.uncounted), "lower_bound": self.is_lower_bound}


def overheads(
    methods: Mapping[str, Method], inputs: Batch, parameters: Mapping[str, int] | None = None
) -> list[Overhead]:
    """Measure each method on one record.

    Parameters
    ----------
    methods
        As in `surrogates.evaluation.evaluate.evaluate`.
    inputs
        A batch of one example, without targets.
    parameters
        Numbers of parameters that are known, by method; those of the others are counted.
    """
    known = parameters or {}
    found = []
    for name, method in methods.items():
        work = partial(ask, method, inputs, seed=0)
        work()  # what is imported or planned once is no part of an answer
        flops, uncounted, allocated = counted_once(work)
        device = next(iter(inputs.values())).device
        seconds, memory = _timed(work, device)
        found.append(
            Overhead(
                method=name,
                parameters=known[name] if name in known else numbers_in(method),
                flops=flops,
                uncounted=uncounted,
                latency=median(seconds),
                runs=len(seconds),
                threads=torch.get_num_threads(),
                device=device.type,
                memory=allocated if memory is None else memory,
                memory_of=TRACKED if memory is None else CUDA,
            )
        )
    return found


def counted_once(work: Callable[[], object]) -> tuple[int, tuple[str, ...], int]:
    """Do some work once.

    Returns
    -------
    flops : int
        Floating point operations that the counter knows.
    uncounted : tuple of str
        Names of operators that it does not know.
    allocated : int
        Peak of the bytes in new tensors of PyTorch or, if the work leaves PyTorch and they are more, of those
        that Python and NumPy allocated. What an operator holds only while it runs is not seen.
    """
    watcher, border, counter = _Watcher(), _Border(), FlopCounterMode(display=False)
    with _Watcher():
        torch.ones(1).relu()  # the first one of a process imports much, which tracing would slow down
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        with ExitStack() as stack:
            for mode in (border, watcher, counter):
                stack.enter_context(mode)
            work()
        python = tracemalloc.get_traced_memory()[1] - before
    finally:
        if not tracing:
            tracemalloc.stop()
    names = sorted(watcher.unknown | border.crossed)
    return counter.get_total_flops(), tuple(names), max(watcher.peak, python if border.crossed else 0)


class _Watcher(TorchDispatchMode):
    """Note operators without a count, and follow the memory of new tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.unknown: set[str] = set()
        self.held = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        self._known.update(each.untyped_storage()._cdata for each in given if _has_storage(each))
        answer = func(*args, **(kwargs or {}))
        packet = func._overloadpacket
        name = packet._qualified_op_name.removeprefix("aten::")
        if packet in flop_registry:
            if any(each.is_complex() for each in given):
                self.unknown.add(f"{name} of complex numbers, counted as real")
        elif not (
            func.is_view or torch.Tag.pointwise in func.tags or name.removesuffix("_") in CHEAP or not given
        ):
            self.unknown.add(name)
        for each in tree_leaves(answer):
            if isinstance(each, Tensor) and _has_storage(each):
                self._follow(each.untyped_storage())
        return answer

    def _follow(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self.held += size
        self.peak = max(self.peak, self.held)
        weakref.finalize(storage, self._release, key, size)

    def _release(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.held -= size


class _Border(TorchFunctionMode):
    """Note where values leave PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        self.crossed: set[str] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in OUTSIDE:
            self.crossed.add(OUTSIDE[func])
        return func(*args, **(kwargs or {}))


def _has_storage(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and tensor.device.type != "meta"


def _timed(work: Callable[[], object], device: torch.device) -> tuple[list[float], int | None]:
    """Return the times of some runs, and CUDA's peak memory of one beyond what is held before."""
    seconds: list[float] = []
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    start = time.perf_counter()
    while not seconds or (len(seconds) < MOST_RUNS and time.perf_counter() - start < SECONDS):
        begun = time.perf_counter()
        work()
        if cuda:
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - begun)
    return seconds, torch.cuda.max_memory_allocated(device) - before if cuda else None


def numbers_in(holder: object) -> int:
    """Return how many numbers a fitted method holds: networks, tensors, arrays, scikit-learn's estimators."""
    seen: set[int] = set()
    waiting, found = [holder], 0
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, nn.Module):
            found += sum(each.numel() for each in value.parameters())
        elif isinstance(value, Tensor):
            found += value.numel()
        elif isinstance(value, np.ndarray):
            found += value.size if value.dtype.kind in "fciu" else 0
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, Piece | BaseEstimator):
            waiting += vars(value).values()
    return found
