"""The recipe `seismic/openfwi_like`: what a build holds, its splits, its variants, and what it refuses."""

import numpy as np
import pytest
import xarray as xr
from pydantic import Field

from datasets.factory.build import build
from datasets.factory.recipe import generators
from datasets.seismic.openfwi_like import OpenFWILike
from datasets.seismic.variables import FAMILIES
from physics.waves.seismic.propagator import simulate
from physics.waves.seismic.survey import Survey
from surrogates.core.errors import ConfigError


class Small(OpenFWILike):
    """Short records over a small grid, four models to a unit."""

    samples: int = 10
    family: dict[str, float] = Field({"flatvel-a": 1.0, "curvefault-b": 1.0})
    depths: int = 24
    laterals: int = 32
    shots: int = 2
    steps: int = 200
    time_stride: int = 4

    def unit_records(self) -> int:
        return 4


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = str(tmp_path_factory.mktemp("seismic") / "small.zarr")
    build(Small(), url, workers=0, progress=False)
    return url


@pytest.fixture(scope="module")
def store(url: str) -> xr.Dataset:
    return xr.open_zarr(url).load()


def first(**changes: object) -> dict[str, np.ndarray]:
    """The first records of a small recipe, simulated without a store."""
    recipe = Small.make({"samples": 6} | changes)
    recipe.prepare()
    indices = np.arange(recipe.records())
    return recipe.simulate(indices, generators(recipe.seed, indices))


def test_store_has_the_coordinates_of_the_survey(store: xr.Dataset) -> None:
    assert dict(store.sizes) == {
        "sample": 10, "depth": 24, "lateral": 32, "shot": 2, "time": 50, "receiver": 32,
    }  # fmt: skip
    np.testing.assert_allclose(store["shot"], [0.0, 310.0])
    np.testing.assert_allclose(store["time"], 0.004 * np.arange(50))
    np.testing.assert_allclose(store["receiver"], 10.0 * np.arange(32))
    assert store["shot_gather"].attrs["source_frequency"] == 15.0


def test_gathers_are_those_of_the_solver_over_the_stored_model(store: xr.Dataset) -> None:
    survey = Small().survey
    expected = simulate(store["velocity_model"].values[3:5], survey)
    np.testing.assert_array_equal(store["shot_gather"].values[3:5], expected)


def test_thinned_records_are_every_which_sample_of_the_whole(store: xr.Dataset) -> None:
    whole = first(samples=10, time_stride=1)
    np.testing.assert_array_equal(whole["shot_gather"][:, :, ::4], store["shot_gather"].values)


def test_defaults_are_the_geometry_of_openfwi() -> None:
    assert OpenFWILike().survey == Survey()


def test_shares_of_families_are_exact_and_a_prefix_holds_both() -> None:
    codes = OpenFWILike.make({"samples": 100, "family": {"salt": 1, "style-a": 3}}).family_codes
    assert (codes == FAMILIES.index("salt")).sum() == 25
    assert (codes == FAMILIES.index("style-a")).sum() == 75
    assert len(set(codes[:30].tolist())) == 2


def test_one_family_and_a_list_are_written_in_short() -> None:
    assert OpenFWILike.make({"family": "salt"}).family == {"salt": 1.0}
    listed = OpenFWILike.make({"family": ["salt", "style-a"], "samples": 10})
    assert listed.family == {"salt": 1.0, "style-a": 1.0}


def test_split_is_80_10_10_in_each_family_and_follows_the_seed() -> None:
    recipe = OpenFWILike.make({"samples": 200, "family": ["flatvel-a", "style-b"]})
    (split,) = recipe.splits()
    for code in np.unique(recipe.family_codes):
        counts = np.bincount(split.labels[recipe.family_codes == code], minlength=3)
        np.testing.assert_array_equal(counts, [80, 10, 10])
    (other,) = OpenFWILike.make({"samples": 200, "family": ["flatvel-a", "style-b"], "seed": 1}).splits()
    assert (split.labels != other.labels).any()


def test_drawn_frequencies_and_positions_are_stored_and_are_those_shot() -> None:
    recipe = Small.make({"frequency": [8, 20], "random_sources": True, "samples": 6, "shots": 3})
    arrays = first(frequency=[8, 20], random_sources=True, shots=3)
    frequency, lateral = arrays["source_frequency"], arrays["source_lateral"]
    assert len(set(frequency.tolist())) == 6
    assert 8.0 <= frequency.min() < frequency.max() <= 20.0
    assert (np.diff(lateral, axis=1) > 0).all()
    assert "shot" not in recipe.shared()
    gathers = {spec.name: spec for spec in recipe.specs()}["shot_gather"]
    assert "source_frequency" not in gathers.attributes
    for record in (0, 5):
        columns = tuple((lateral[record] / 10.0).round().astype(int).tolist())
        survey = recipe.survey.at(float(frequency[record]), columns)
        expected = simulate(arrays["velocity_model"][record : record + 1], survey)
        np.testing.assert_array_equal(arrays["shot_gather"][record : record + 1], expected)


def test_velocities_do_not_depend_on_what_the_source_does() -> None:
    np.testing.assert_array_equal(
        first()["velocity_model"], first(frequency=[8, 20], random_sources=True)["velocity_model"]
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"time_step": 0.002}, "time_step 0.002 s is unstable for 4500 m/s"),
        ({"family": "flatvel-c"}, "there is no family 'flatvel-c'. Did you mean 'flatvel-"),
        ({"family": {"salt": 0.0}}, "one above 0"),
        ({"family": {"salt": -1.0, "style-a": 2.0}}, "must be 0 or more"),
        ({"frequency": [20, 5]}, "the lower one first"),
        ({"frequency": 0}, "positive number"),
        ({"frequency": 50}, "waves of 3 cells at 1500 m/s found, at least 4 expected"),
        ({"time_stride": 20}, "keeps 50 samples a second, too few for a source of 15 Hz"),
        ({"time_stride": 8, "frequency": [5, 25]}, "at most 6 expected"),
        ({"shots": 71}, "do not fit into laterals=70"),
    ],
)
def test_bad_parameters_are_one_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        OpenFWILike.make(changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_gives_frequencies_within_the_range() -> None:
    given = {"source_frequency": [12.5, None]}
    recipe = Small.make({"samples": 2, "frequency": (10.0, 20.0), "design": given})
    drawn = Small.make({"samples": 2, "frequency": (10.0, 20.0)})
    indices = np.arange(2)
    (model, _, survey), (_, _, other) = (
        recipe._draw("flatvel-a", index, rng)
        for index, rng in zip(indices, generators(0, indices), strict=True)
    )
    assert survey.frequency == 12.5
    assert other == drawn._draw("flatvel-a", 1, generators(0, indices)[1])[2]
    np.testing.assert_array_equal(model, drawn._draw("flatvel-a", 0, generators(0, indices)[0])[0])
    assert "design" not in drawn.config()
    with pytest.raises(ConfigError, match=r"source_frequency of record 0 is 12.5, expected 15 to 20 Hz"):
        Small.make({"samples": 2, "frequency": (15.0, 20.0), "design": given})
    with pytest.raises(ConfigError, match="'source_frequency' cannot be given here"):
        Small.make({"samples": 2, "design": given})


def test_records_of_several_families_depend_on_their_number() -> None:
    assert "exact shares" in Small().depends_on_number()
    assert OpenFWILike().depends_on_number() == ""
