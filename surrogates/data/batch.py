"""The one type of a batch."""

from torch import Tensor

Batch = dict[str, Tensor]
"""Variables by name, in the units of their specs: floats as float32, the batch dimension first.

A variable that all records share comes without the batch dimension. NaN means not observed.
"""
