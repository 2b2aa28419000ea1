"""What pictures of every domain share: rows of reference, predictions and errors, and the styles of lines.

Reference and predictions have one scale of colours. Errors (prediction minus reference) have a symmetric one,
which ends at the largest error unless a few cells stand far out; the ends of a colour bar are pointed where
values lie beyond it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from datasets.store.units import difference, display

VALUES, ERRORS = "viridis", "RdBu_r"
MIDDLE = 0.98
"""Share of the reference's values that lie inside of the colours."""
NEARLY_ALL, FAR_OUT = 0.995, 2.0
"""Errors beyond `FAR_OUT` times the quantile `NEARLY_ALL` do not stretch the colours."""
HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours that colour-blind people tell apart, by M. Okabe and K. Ito, "Color universal design", 2008."""
DASHES = (("-", 1.0), ("--", 0.75), ("-.", 0.55), (":", 0.4))
"""How the lines of each further round through the hues are drawn, and by how much they are darkened."""
FEW_LINES = 8  # that a legend inside of the axes names without hiding them


@dataclass(frozen=True)
class Scale:
    """Colours of an image, and the values at which they end.

    Attributes
    ----------
    low, high
        Values of the first and the last colour, in the units of the image.
    colours
        Name of a colour map of matplotlib.
    """

    low: float
    high: float
    colours: str = VALUES

    @property
    def style(self) -> dict[str, Any]:
        """Arguments of `imshow` and `scatter`."""
        return {"vmin": self.low, "vmax": self.high, "cmap": self.colours}


Draw = Callable[[Axes, int, np.ndarray, Scale], ScalarMappable]
"""Draws a field of the record with a number into axes; what is NaN stays transparent."""


def value_scale(reference: np.ndarray, share: float = MIDDLE, colours: str = VALUES) -> Scale:
    """Return the scale of a reference and its predictions.

    Parameters
    ----------
    reference
        Values of any shape; what is not finite does not count. A prediction far off does not change the
        scale, so that the reference stays readable.
    share
        Share of the values that lie inside.
    colours
        Name of a colour map.
    """
    known = reference[np.isfinite(reference)]
    if not known.size:
        return Scale(0.0, 1.0, colours)
    low, high = np.quantile(known, [(1 - share) / 2, (1 + share) / 2])
    return Scale(float(low), float(high if high > low else low + 1), colours)


def error_scale(errors: Iterable[np.ndarray]) -> Scale:
    """Return a scale about zero that the errors of several methods share.

    Parameters
    ----------
    errors
        Predictions minus reference, of any shapes; what is not finite does not count.
    """
    sizes = np.concatenate([np.abs(each[np.isfinite(each)]).ravel() for each in errors] or [np.empty(0)])
    if not sizes.size:
        return Scale(-1.0, 1.0, ERRORS)
    largest, most = float(sizes.max()), float(np.quantile(sizes, NEARLY_ALL))
    limit = (most if 0 < FAR_OUT * most < largest else largest) or 1.0
    return Scale(-limit, limit, ERRORS)


def compare(
    reference: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    draw: Draw,
    scale: Scale,
    *,
    name: str,
    units: str,
    panel: tuple[float, float] = (2.6, 2.5),
    shared: bool = False,
) -> tuple[Figure, np.ndarray]:
    """Return a figure of records as rows, as `draw_comparison` draws them, and its axes.

    Parameters
    ----------
    reference, predictions, draw, scale, name, units
        As for `draw_comparison`.
    panel
        Width and height of one field, inches.
    shared
        Whether all fields lie on the same coordinates.
    """
    shape = len(reference), 1 + 2 * len(predictions)
    figure = Figure(figsize=(panel[0] * shape[1] + 1.4, panel[1] * shape[0]), layout="constrained")
    grid: np.ndarray = figure.subplots(*shape, squeeze=False, sharex=shared, sharey=shared)
    draw_comparison(figure, grid, reference, predictions, draw, scale, name=name, units=units)
    return figure, grid


def draw_comparison(
    figure: Figure,
    grid: np.ndarray,
    reference: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    draw: Draw,
    scale: Scale,
    *,
    name: str,
    units: str,
    title: str = "reference",
) -> None:
    """Draw records as rows: the reference, then each prediction with its error, and one colour bar for both.

    Parameters
    ----------
    figure, grid
        Where: axes (records, 1 + 2 predictions).
    reference
        Shape (records, y, x).
    predictions
        By method, with the shape of the reference.
    draw
        Draws one field.
    scale
        Of reference and predictions.
    name, units
        What the values are, for the colour bars.
    title
        Above the reference.
    """
    errors = {method: predicted - reference for method, predicted in predictions.items()}
    about_zero = error_scale(errors.values())
    values, differences = [], []
    for row, axes in enumerate(grid):
        values.append(draw(axes[0], row, reference[row], scale))
        for number, method in enumerate(predictions):
            values.append(draw(axes[1 + 2 * number], row, predictions[method][row], scale))
            differences.append(draw(axes[2 + 2 * number], row, errors[method][row], about_zero))
    draw_bar(figure, values, list(grid[:, 0]), quantity(name, units), location="left")
    if differences:
        draw_bar(figure, differences, list(grid[:, -1]), quantity("error", difference(units)))
    titles = [title, *(text for method in predictions for text in (spoken(method), f"minus {title}"))]
    for panel, text in zip(grid[0], titles, strict=True):
        panel.set_title(text, fontsize=10)


def draw_bar(
    figure: Figure,
    images: Sequence[ScalarMappable],
    axes: Sequence[Axes],
    label: str,
    location: Literal["left", "right", "top", "bottom"] = "right",
) -> Colorbar:
    """Draw the colour bar of images on one scale, pointed where some of their values lie beyond it."""
    low, high = images[0].get_clim()
    drawn: list[np.ndarray] = [np.ma.asarray(image.get_array()) for image in images]
    known = np.concatenate([np.ma.compressed(np.ma.masked_invalid(each)) for each in drawn])
    beyond = bool((known < low).any()), bool((known > high).any())
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(beyond, "neither")
    return figure.colorbar(
        images[0], ax=list(axes), label=label, location=location, extend=extend, shrink=0.85
    )


def quantity(name: str, units: str) -> str:
    """Return a label: what is shown, with its units as people write them."""
    return f"{name}, {display(units)}".removesuffix(", ")


def spoken(method: str) -> str:
    """Return the name of a method as a picture writes it."""
    return method.replace("_", " ")


def line_style(number: int) -> dict[str, Any]:
    """Return colour and dashes of the line with this number; 24 lines are unlike each other.

    The reference is black, what was known grey; neither is among the colours.
    """
    dashes, shade = DASHES[number // len(HUES) % len(DASHES)]
    colour = tuple(shade * part for part in to_rgb(HUES[number % len(HUES)]))
    return {"color": colour, "linestyle": dashes}


def method_styles(methods: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return style and label of each method's line, the first one (the model) thicker than the others."""
    return {
        method: {**line_style(number), "linewidth": 1.4 if number else 2.4, "label": spoken(method)}
        for number, method in enumerate(methods)
    }


def draw_legend(panels: Sequence[Axes]) -> None:
    """Name the lines of the first panel: inside of it where they are few, else beside the last panel."""
    handles, labels = panels[0].get_legend_handles_labels()
    many = len(labels) > FEW_LINES
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.02)} if many else {}
    panels[-1 if many else 0].legend(handles, labels, fontsize=8, framealpha=0.7, handlelength=2.8, **place)
