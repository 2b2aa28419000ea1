"""Ranges of the quantities that pieces of acoustics take."""

from typing import Annotated

from pydantic import Field

Speed = Annotated[float, Field(gt=0, lt=1e5, allow_inf_nan=False)]
"""Of sound, m/s."""
Frequency = Annotated[float, Field(gt=0, lt=1e6, allow_inf_nan=False)]
"""Hz."""
TimeStep = Annotated[float, Field(gt=0, lt=1e3, allow_inf_nan=False)]
"""s."""
