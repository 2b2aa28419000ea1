"""Panels: one scale for reference and predictions, errors about zero and whole, lines unlike each other."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from datasets.store.specs import DECIBEL_MILLIWATT, VariableSpec
from surrogates.evaluation.evaluate import Target
from surrogates.evaluation.tables import Curve
from surrogates.report.panels import (
    Scale,
    draw_bar,
    draw_comparison,
    draw_legend,
    error_scale,
    line_style,
    method_styles,
    quantity,
    value_scale,
)
from surrogates.report.pictures import Examples, Fields, coverage_curves

REFERENCE = np.linspace(-100.0, -60.0, 2 * 8 * 9).reshape(2, 8, 9)
DEUTERANOPIA = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])
"""Linear RGB as seen without green cones; G. M. Machado et al., IEEE TVCG 15 (6), 2009, table 1."""


def draw(axes: Axes, row: int, values: np.ndarray, scale: Scale) -> AxesImage:
    return axes.imshow(values, **scale.style)


def compared(predictions: dict[str, np.ndarray], reference: np.ndarray = REFERENCE) -> Figure:
    figure = Figure(layout="constrained")
    grid = figure.subplots(len(reference), 1 + 2 * len(predictions), squeeze=False)
    what = {"name": "RSRP", "units": DECIBEL_MILLIWATT}
    draw_comparison(figure, grid, reference, predictions, draw, value_scale(reference), **what)
    return figure


def images(figure: Figure) -> list[AxesImage]:
    return [axes.images[0] for axes in figure.axes if axes.images]


def test_reference_and_predictions_share_one_scale_and_errors_another_about_zero() -> None:
    figure = compared({"high": REFERENCE + 7.0, "low_one": REFERENCE - 3.0})
    drawn = images(figure)
    rows = np.reshape(np.array(drawn, object), (2, 5))
    values, errors = rows[:, [0, 1, 3]].ravel(), rows[:, [2, 4]].ravel()
    assert len({image.get_clim() for image in values}) == len({image.get_clim() for image in errors}) == 1
    assert errors[0].get_clim() == pytest.approx((-7.0, 7.0))
    np.testing.assert_allclose(rows[1, 2].get_array(), 7.0)
    np.testing.assert_allclose(rows[1, 4].get_array(), -3.0)
    titles = [axes.get_title() for axes in figure.axes[:5]]
    assert titles == ["reference", "high", "minus reference", "low one", "minus reference"]


def test_each_scale_has_one_colour_bar_with_units_as_people_write_them() -> None:
    bars = [axes for axes in compared({"model": REFERENCE + 1.0}).axes if not axes.images]
    assert [axes.get_ylabel() for axes in bars] == ["RSRP, dBm", "error, dB"]
    assert quantity("share", "1") == "share"


def test_no_error_lies_beyond_the_colours_and_no_end_is_pointed() -> None:
    errors = np.random.default_rng(0).normal(0.0, 3.0, (50, 50))
    scale = error_scale([errors, 0.1 * errors])
    assert -scale.low == scale.high == pytest.approx(np.abs(errors).max())
    figure = Figure()
    axes = figure.subplots()
    assert draw_bar(figure, [draw(axes, 0, errors, scale)], [axes], "error").extend == "neither"


def test_a_few_errors_far_out_do_not_hide_the_others_and_are_told_by_a_pointed_end() -> None:
    errors = np.linspace(-0.5, 1.0, 2500).reshape(50, 50)
    errors[0, :3] = 500.0
    scale = error_scale([errors])
    assert 0.9 < scale.high < 1.1
    figure = Figure()
    axes = figure.subplots()
    assert draw_bar(figure, [draw(axes, 0, errors, scale)], [axes], "error").extend == "max"


def test_a_prediction_far_off_leaves_the_reference_readable_and_is_told_by_a_pointed_end() -> None:
    figure = compared({"wild": REFERENCE * 1e6})
    low, high = images(figure)[1].get_clim()
    assert -100.0 <= low < high <= -60.0
    assert images(figure)[0].colorbar.extend == "both"


@pytest.mark.parametrize("values", [np.full((4, 4), np.nan), np.full((4, 4), -80.0), np.empty((0, 4))])
def test_scales_of_nothing_known_or_of_equal_values_are_no_empty_ranges(values: np.ndarray) -> None:
    for scale in (value_scale(values), error_scale([values - values]), error_scale([])):
        assert np.isfinite([scale.low, scale.high]).all() and scale.low < scale.high


def test_cells_that_are_not_known_are_transparent_and_do_not_count() -> None:
    reference = REFERENCE.copy()
    reference[0, 2:4] = np.nan
    figure = compared({"model": REFERENCE + 2.0}, reference)
    truth, model, error, *_ = images(figure)
    for image, unknown in ((truth, 18), (model, 0), (error, 18)):
        alpha = image.cmap(image.norm(image.get_array()))[..., 3]
        assert (alpha == 0).sum() == unknown
    assert error.get_clim() == pytest.approx((-2.0, 2.0))
    FigureCanvasAgg(figure).draw()


def seen_by_colour_blind(colour: object) -> np.ndarray:
    linear = np.asarray(to_rgb(colour)) ** 2.2
    return np.clip(DEUTERANOPIA @ linear, 0.0, 1.0) ** (1 / 2.2)


def test_sixteen_lines_have_unlike_colours_and_equal_dashes_differ_for_the_colour_blind() -> None:
    styles = [line_style(number) for number in range(16)]
    colours = np.array([to_rgb(style["color"]) for style in styles])
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    assert apart[~np.eye(16, dtype=bool)].min() > 0.08
    for dashes in {style["linestyle"] for style in styles}:
        alike = np.array([seen_by_colour_blind(s["color"]) for s in styles if s["linestyle"] == dashes])
        between = np.linalg.norm(alike[:, None] - alike[None], axis=-1)
        assert between[~np.eye(len(alike), dtype=bool)].min() > 0.1
    assert len({(style["color"], style["linestyle"]) for style in map(line_style, range(24))}) == 24
    assert colours.sum(axis=1).min() > 0.3  # black is the reference's


def test_the_first_method_is_drawn_thicker_under_a_readable_name() -> None:
    first, second = method_styles(["geo_unet", "radio/free_space"]).values()
    assert first["linewidth"] > second["linewidth"]
    assert [first["label"], second["label"]] == ["geo unet", "radio/free space"]


@pytest.mark.parametrize(("count", "beside"), [(3, False), (12, True)])
def test_the_legend_of_many_lines_hides_none_of_them(count: int, beside: bool) -> None:
    figure = Figure(layout="constrained")
    panels = figure.subplots(1, 2)
    for style in method_styles(f"method {number}" for number in range(count)).values():
        panels[0].plot([0, 1], [0, 1], **style)
    draw_legend(panels)
    FigureCanvasAgg(figure).draw()
    (legend,) = [axes.get_legend() for axes in panels if axes.get_legend()]
    assert len(legend.get_texts()) == count
    assert (legend.get_window_extent().x0 >= panels[1].get_window_extent().x1) == beside
    assert legend.get_window_extent().x1 <= figure.bbox.width


def test_maps_of_any_domain_are_drawn_so() -> None:
    dims = ("sample", "y", "x")
    data = xr.Dataset({"rsrp": (dims, REFERENCE)})
    spec = VariableSpec(name="rsrp", dims=dims, shape=(8, 9), units=DECIBEL_MILLIWATT, long_name="power")
    examples = Examples(data, {"model": data + 4.0, "mean": data - 9.0}, [Target(spec)], "sample")
    (figure,) = Fields()(examples).values()
    reference, model, error, *_ = images(figure)
    assert reference.get_clim() == model.get_clim()
    assert error.get_clim() == pytest.approx((-9.0, 9.0))
    assert [axes.get_ylabel() for axes in figure.axes if not axes.images] == ["power, dBm", "error, dB"]


def test_coverages_of_one_method_have_one_colour_and_unlike_marks() -> None:
    rising = [0.1, 0.5, 0.9]
    curves = [Curve(name, "a", rising, rising, rising, rising) for name in ("one", "two")]
    figure = coverage_curves(curves)
    assert figure is not None
    _, one, gaussian, members, two, *_ = figure.axes[0].lines
    assert one.get_color() == gaussian.get_color() == members.get_color() != two.get_color()
    assert len({each.get_marker() for each in (one, gaussian, members)}) == 3
    assert [each.get_label() for each in (gaussian, members)] == ["one, Gaussian", "one, members"]
