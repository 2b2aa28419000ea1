"""The families: what makes each what it is, and velocities near the published ones."""

import numpy as np
import pytest

from datasets.seismic.families import FAMILIES
from datasets.seismic.published import PUBLISHED
from datasets.seismic.variables import FAMILIES as NAMES


def models(family: str, count: int = 60, depths: int = 70, laterals: int = 70) -> np.ndarray:
    """The first models of a family."""
    rngs = (np.random.default_rng([7, index]) for index in range(count))
    return np.stack([FAMILIES[family](rng, depths, laterals)[0] for rng in rngs])


def drawn(family: str, count: int = 60) -> list[dict[str, float]]:
    return [FAMILIES[family](np.random.default_rng([7, index]), 70, 70)[1] for index in range(count)]


def share_of_falls(family: str) -> float:
    """Share of the changes with depth that are to a slower velocity."""
    steps = np.diff(models(family), axis=1)
    return float(np.mean(steps[steps != 0] < 0))


def test_all_families_have_a_number_in_stores() -> None:
    assert set(FAMILIES) <= set(NAMES)
    assert set(FAMILIES) == {*PUBLISHED, "salt"}


@pytest.mark.parametrize("family", FAMILIES)
def test_models_are_single_precision_in_range_and_repeat_for_a_seed(family: str) -> None:
    found = models(family, 10)
    assert found.shape == (10, 70, 70)
    assert found.dtype == np.float32
    assert 1500.0 <= found.min() < found.max() <= 4500.0
    np.testing.assert_array_equal(found, models(family, 10))
    assert len({model.tobytes() for model in found}) == 10


@pytest.mark.parametrize("family", FAMILIES)
def test_grid_is_what_one_asks_for(family: str) -> None:
    assert models(family, 2, depths=40, laterals=55).shape == (2, 40, 55)


@pytest.mark.parametrize("family", PUBLISHED)
def test_mean_and_spread_of_velocities_are_those_published(family: str) -> None:
    found = models(family, 600)
    assert found.mean() == pytest.approx(PUBLISHED[family].velocity_mean, rel=0.03)
    assert found.std() == pytest.approx(PUBLISHED[family].velocity_std, rel=0.03)


@pytest.mark.parametrize("family", ["flatvel-a", "flatfault-a"])
def test_velocities_of_a_never_fall_with_depth(family: str) -> None:
    assert share_of_falls(family) == 0.0


def test_velocities_of_b_fall_as_often_as_they_grow() -> None:
    assert share_of_falls("flatvel-b") == pytest.approx(0.5, abs=0.1)
    assert share_of_falls("curvevel-b") == pytest.approx(0.5, abs=0.1)


def test_faulted_b_falls_now_and_then() -> None:
    assert 0.05 < share_of_falls("flatfault-b") < 0.3


def test_contrasts_of_b_are_sharper_than_those_of_a() -> None:
    def contrast(family: str) -> float:
        steps = np.abs(np.diff(models(family), axis=1))
        return float(steps[steps > 0].mean())

    assert contrast("flatvel-b") > 1.3 * contrast("flatvel-a")


def test_flat_models_are_the_same_along_the_line_and_curved_ones_are_not() -> None:
    flat, curved = models("flatvel-b"), models("curvevel-b")
    assert (flat == flat[:, :, :1]).all()
    assert (curved != curved[:, :, :1]).any(axis=(1, 2)).mean() > 0.9


def test_faults_break_flat_layers_and_b_has_more_of_them() -> None:
    faulted = models("flatfault-a")
    assert (faulted != faulted[:, :, :1]).any(axis=(1, 2)).mean() > 0.95
    counts_a, counts_b = (
        [each["faults"] for each in drawn(family)] for family in ("flatfault-a", "flatfault-b")
    )
    assert set(counts_a) == {1}
    assert set(counts_b) == {1, 2, 3}


def test_what_was_drawn_is_what_the_model_shows() -> None:
    for model, parameters in zip(models("flatvel-b"), drawn("flatvel-b"), strict=True):
        assert len(np.unique(model)) == parameters["layers"]
        assert parameters["faults"] == 0
        assert parameters["relief"] == 0.0


def test_style_b_is_rougher_than_style_a() -> None:
    def roughness(family: str) -> float:
        found = models(family)
        return float(np.abs(np.diff(found, axis=2)).mean() / found.std())

    assert roughness("style-b") > 2 * roughness("style-a")


def test_salt_is_a_body_of_4500_in_layers_that_are_slower() -> None:
    found = models("salt")
    shares = np.mean(found == 4500.0, axis=(1, 2))
    assert shares.min() > 0.02
    assert shares.max() < 0.5
