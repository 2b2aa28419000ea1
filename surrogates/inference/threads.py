"""The number of threads of a prediction: one if there is little to do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod

import torch
from torch import Tensor

from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.tile import Tile

LITTLE = 20_000_000
"""Weights times cells (or time steps) times records of a forward pass that one thread does.

Measured on two cores with U-Nets, sequence networks and perceptrons: below it one thread takes 0.6 to 1.1
times as long as two on an idle machine, and 0.3 to 0.4 times as long beside a busy process; above it up to
1.9 times as long on an idle one.
"""


@contextmanager
def one_thread(where: bool) -> Iterator[None]:
    """Let torch use one thread for a while, if asked to."""
    before = torch.get_num_threads()
    if before == 1 or not where:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_little(weights: int, config: PipelineConfig, inputs: Mapping[str, Tensor]) -> bool:
    """Return whether one thread answers about as soon as several.

    Parameters
    ----------
    weights
        Of the network.
    config
        Of its pipeline.
    inputs
        What it is asked about, batch first.
    """
    largest = max(prod(spec.shape) for spec in (*config.inputs, *config.targets))
    if isinstance(inputs, Tile):  # one record; its transform may want the whole field in one window
        largest = max(largest, prod(extent.stop - extent.start for extent in inputs.window))
        return weights * largest <= LITTLE
    free = (prod(inputs[spec.name].shape[-len(spec.shape) :]) for spec in config.inputs if spec.any_length)
    largest = max(largest, *free, 1)
    varying = (spec.name for spec in config.inputs if config.record_dimension in spec.dims)
    return weights * largest * max((len(inputs[name]) for name in varying), default=1) <= LITTLE
