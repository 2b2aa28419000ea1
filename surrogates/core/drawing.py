"""Draw values at points; pictures of data and of predictions share it."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable

DOT = 6.0
"""Size of a point's dot, in points squared."""


def draw_at_points(
    axes: Axes,
    x: np.ndarray,
    y: np.ndarray,
    values: np.ndarray,
    triangles: np.ndarray | None = None,
    **style: Any,
) -> ScalarMappable:
    """Draw values at points: as dots or, with triangles, as a surface between them.

    Parameters
    ----------
    axes
        Where.
    x, y, values
        Shape (points,); points of which one is NaN are left out.
    triangles
        Vertices of each triangle, (triangles, 3), from 0; below 0 there is none.
    **style
        Colours, as `scatter` and `tripcolor` take them.
    """
    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(values)
    if triangles is not None:
        whole = triangles[((triangles >= 0) & known[triangles]).all(axis=1)]
        if len(whole):
            number = np.cumsum(known) - 1
            return axes.tripcolor(
                x[known], y[known], values[known], triangles=number[whole], shading="gouraud", **style
            )
    return axes.scatter(x[known], y[known], c=values[known], s=DOT, **style)
