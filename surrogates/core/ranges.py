"""Ranges of the numbers that pieces take, for the signatures of their constructors."""

from typing import Annotated

from pydantic import Field

Level = Annotated[float, Field(gt=0, lt=1)]
"""Of an interval or a quantile."""
Share = Annotated[float, Field(ge=0, le=1)]
"""Of a whole."""
Few = Annotated[int, Field(ge=1, le=16)]
"""Of what doubles in size with each: levels, foldings."""
Count = Annotated[int, Field(ge=1, le=4096)]
"""Of what is made one after the other: steps along a ray, samples."""
Width = Annotated[int, Field(gt=0, le=1 << 16)]
"""Of a layer: channels, units, taps."""
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=16)]
"""Of layers one after the other."""
Depth = Annotated[int, Field(gt=0, le=1024)]
"""Of what is made for each: layers, blocks."""
Depths = Annotated[tuple[Depth, ...], Field(min_length=1, max_length=16)]
"""Of levels one below the other."""
Hidden = Annotated[int, Field(ge=0, le=1024)]
"""Of layers between the first and the last."""
Halvings = Annotated[int, Field(ge=0, le=16)]
"""Of the resolution."""
Factors = Annotated[tuple[Few, ...], Field(min_length=1, max_length=3)]
"""By which a level shortens each dimension of a grid."""
Horizon = Annotated[int, Field(gt=0, le=1 << 14)]
"""Of samples ahead."""
