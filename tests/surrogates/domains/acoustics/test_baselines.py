"""Image sources and the coarse solver against the fine solver of the data, in rooms of the recipe."""

import pytest
from torch import Tensor

from surrogates import testing
from surrogates.core.errors import ConfigError
from surrogates.domains.acoustics.baselines import FACTS, CoarseFDTD, ImageSources
from surrogates.learning.context import Context, facts_of
from tests.surrogates.domains.acoustics.rooms import simulated


def build(kind: type, context: Context, **arguments):
    return kind(context, facts_of(FACTS, context, {}, "the baseline"), **arguments)


def error(kind: type, context: Context, batch: dict[str, Tensor], **arguments) -> float:
    target = batch["sound_pressure"]
    found = build(kind, context, **arguments)({n: v for n, v in batch.items() if n != "sound_pressure"})
    return float((found["sound_pressure"] - target).norm() / target.norm())


def test_coarse_cells_are_worse_the_coarser_they_are() -> None:
    context, batch = simulated(cells_per_wavelength=16.0)
    errors = [error(CoarseFDTD, context, batch, cells_per_wavelength=cells) for cells in (4.0, 6.0, 16.0)]
    assert 0.04 < errors[0] < 0.3
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.02  # the cells of the data: what is left comes from the interpolation


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "shape": "cube",
            "size": (1.2, 1.0, 1.1),
            "test_sources": ((0.5, 0.5, 0.5),),
            "receivers": ((0.3, 0.3, 0.3),),
            "source_region": ((0.45, 0.75), (0.45, 0.55), (0.45, 0.65)),
            "duration": 0.006,
        },
    ],
)
def test_image_sources_are_near_the_solver(changes: dict) -> None:
    context, batch = simulated(cells_per_wavelength=14.0, **changes)
    assert error(ImageSources, context, batch) < 0.17


def test_walls_are_those_of_the_data() -> None:
    """Images with walls of another impedance fit worse."""
    context, _ = simulated(cells_per_wavelength=14.0)
    soft, soft_batch = simulated(cells_per_wavelength=14.0, wall_impedance=1000.0)
    assert error(ImageSources, soft, soft_batch) < 0.5 * error(ImageSources, context, soft_batch)


@pytest.mark.parametrize("kind", [ImageSources, CoarseFDTD])
def test_they_keep_what_their_kind_promises(kind: type) -> None:
    context, batch = simulated()
    testing.check_baseline(build(kind, context), context, [batch])


def test_furniture_is_kept_by_coarse_cells_and_refused_by_images() -> None:
    context, batch = simulated(
        shape="furnished",
        size=(2.0, 2.0),
        furniture=((0.0, 0.0, 0.6, 0.9),),
        receivers=((1.5, 1.5),),
        test_sources=((1.2, 1.2),),
        cells_per_wavelength=16.0,
    )
    assert error(CoarseFDTD, context, batch, cells_per_wavelength=8.0) < 0.25
    with pytest.raises(ConfigError, match=r"a room with solid cells found, an empty box expected; [^\n]*$"):
        build(ImageSources, context)


def test_other_data_are_refused_in_one_line() -> None:
    context, _ = simulated()
    lacking = Context.of(context.inputs, context.targets)
    facts = facts_of(FACTS, context, {}, "the baseline")
    with pytest.raises(
        ConfigError, match=r"the training data has no air, room_size|the data has no air[^\n]*$"
    ):
        ImageSources(lacking, facts)
    with pytest.raises(ConfigError, match=r"point_time and sound_pressure expected[^\n]*$"):
        ImageSources(Context.of(context.inputs[:1], context.targets), facts)
