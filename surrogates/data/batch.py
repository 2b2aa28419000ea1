"""The one type of a batch."""

from torch import Tensor

Batch = dict[str, Tensor]
"""Variables by name, in the units of their specs, the batch dimension first.

Floats are float32, complex numbers complex64.

A variable that all records share comes without the batch dimension. NaN means not observed.
"""
