"""Coordinates beside the branch, and the points that training draws."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets.store.layout import open_store
from datasets.store.specs import VariableSpec
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.data.loader import BatchLoader
from surrogates.experiment.config import RunConfig
from surrogates.experiment.data import RunData
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.points import DrawPoints, Points
from surrogates.learning.transform import Transform
from tests.operators import configuration, installed, write_heat

FIELD = VariableSpec(name="field", dims=("sample", "v", "u"), shape=(4, 5), units="Pa")
LEVEL = VariableSpec(name="level", dims=("sample",), shape=(), units="m")
X = VariableSpec(name="x", dims=("point",), shape=(7,), units="m")
OWN = VariableSpec(name="own", dims=("sample", "point"), shape=(7,), units="m")
PLACE = VariableSpec(name="place", dims=("axis", "point"), shape=(2, 7), units="m")
P = VariableSpec(name="p", dims=("sample", "point"), shape=(7,), units="Pa")


def context(*inputs: VariableSpec) -> Context:
    return Context.of(inputs, [P])


def test_inputs_along_the_points_are_the_trunk_in_their_order_and_all_others_the_branch() -> None:
    made = Points(context(FIELD, OWN, LEVEL, X))
    batch = {
        "field": torch.randn(3, 4, 5),
        "level": torch.tensor([1.0, 2.0, 3.0]),
        "x": torch.arange(7.0),
        "own": torch.randn(3, 7),
    }
    channels = made(batch).channels
    assert channels["branch"].shape == (3, 2, 4, 5)
    assert torch.equal(channels["branch"][:, 0], batch["field"])
    assert torch.equal(channels["branch"][:, 1], batch["level"][:, None, None].expand(3, 4, 5))
    assert torch.equal(channels["trunk"], torch.stack([batch["own"], batch["x"].expand(3, 7)], dim=-1))
    assert made.in_channels == {"branch": 2, "trunk": 2}
    assert made.in_shape == {"branch": (4, 5), "trunk": ()}
    assert made.channel_names == {"branch": ["field", "level"], "trunk": ["own", "x"]}


def test_coordinates_that_all_records_share_are_not_expanded() -> None:
    made = Points(context(LEVEL, X, PLACE))
    batch = {"level": torch.zeros(64), "x": torch.arange(7.0), "place": torch.randn(2, 7)}
    trunk = made(batch).channels["trunk"]
    assert trunk.shape == (7, 3)
    assert torch.equal(trunk, torch.cat([batch["x"][:, None], batch["place"].T], dim=1))
    assert made.channel_names["trunk"] == ["x", "place[0]", "place[1]"]


def test_the_tensor_and_not_the_spec_says_whether_coordinates_have_the_record_dimension() -> None:
    made = Points(context(LEVEL, OWN))
    shared, level = torch.arange(5.0), torch.zeros(3)
    one = made({"level": level, "own": shared}).channels["trunk"]
    each = made({"level": level, "own": shared.expand(3, 5)}).channels["trunk"]
    assert one.shape == (5, 1)
    assert torch.equal(each, one.expand(3, 5, 1))


def test_a_point_that_is_not_known_is_answered_nan() -> None:
    known = OWN.model_copy(update={"missing": True})
    own = torch.zeros(2, 7)
    own[0, 3] = torch.nan
    offset = Points(context(LEVEL, known))({"level": torch.zeros(2), "own": own}).offset
    assert offset.isnan().nonzero().tolist() == [[0, 0, 3]]
    assert float(offset.nansum()) == 0
    assert Points(context(LEVEL, OWN))({"level": torch.zeros(2), "own": own}).offset is None


@pytest.mark.parametrize(
    ("inputs", "targets", "node", "message"),
    [
        ([FIELD], [P], {}, "name the coordinates of the points among task.inputs"),
        ([X, OWN], [P], {}, "name also what the answer depends on"),
        ([FIELD, X], [LEVEL], {}, "'point' is not one of the target level"),
        ([FIELD, X], [P], {"dimension": "points"}, "Did you mean 'point'"),
        ([FIELD, X], [P], {"grid": ("v", "w")}, "no variable has the dimension 'w'"),
        ([FIELD, X.model_copy(update={"dtype": "complex64"})], [P], {}, "the coordinate x is complex"),
    ],
)
def test_a_task_that_is_none_of_points_is_refused(
    inputs: list[VariableSpec], targets: list[VariableSpec], node: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Transform.build({"name": "points", **node}, Context.of(inputs, targets))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("name", ["points", "tests/metres"])
def test_each_coordinate_is_normalised_by_itself_unless_the_transform_has_scaled_it(
    name: str, shared: bool, tmp_path: Path
) -> None:
    x, y = (X if shared else OWN.model_copy(update={"name": "x"})), X.model_copy(update={"name": "y"})
    inputs = [FIELD, x, y]
    config = PipelineConfig(
        inputs=inputs, targets=[P], transform={"name": name}, network={"name": "tests/operator"}
    )
    outer = () if shared else (3,)
    batch = {
        "field": 5 + 2 * torch.randn(3, 4, 5),
        "x": 100 + 10 * torch.rand(*outer, 7),
        "y": torch.rand(7) / 1000,
        "p": torch.randn(3, 7),
    }
    seen: dict[str, torch.Tensor] = {}
    with installed(tmp_path / "plugin"):
        pipeline = Pipeline(config)
    pipeline.fit_normalisers([batch])
    pipeline.network.register_forward_pre_hook(lambda _, args, given: seen.update(given), with_kwargs=True)
    assert pipeline(batch)["p"].shape == (3, 7)
    trunk, field = seen["trunk"].reshape(-1, 2), seen["branch"]
    assert seen["trunk"].shape == (*outer, 7, 2)
    assert (float(field.mean()), float(field.std(correction=0))) == pytest.approx((0, 1), abs=1e-5)
    if name == "points":
        assert trunk.mean(0).tolist() == pytest.approx([0, 0], abs=1e-4)
        assert trunk.std(0, correction=0).tolist() == pytest.approx([1, 1], abs=1e-4)
    else:
        assert torch.equal(seen["trunk"][..., 0], batch["x"])


def loader(store: str, *, seed: int = 0, ranks: int = 1, rank: int = 0, **draw: Any) -> BatchLoader:
    augmentations = [{"name": "draw_points", "count": 20, **draw}]
    values = configuration(store, Path("runs"), task={"augmentations": augmentations}, seed=seed)
    data = RunData.open(validate(RunConfig, values, "test"))
    names = ["initial", "u", "x", "time", *data.augmentations[0].variables]
    return data.loader("train", names, train=True, rank=rank, ranks=ranks)


def test_one_set_of_points_serves_a_batch_and_keeps_shared_coordinates_shared(tmp_path: Path) -> None:
    store = write_heat(tmp_path / "a.zarr")
    whole = open_store(store).dataset().load()
    seen = []
    for batch in loader(store):
        assert batch["x"].shape == batch["time"].shape == (20,)
        assert batch["u"].shape == (4, 20)
        chosen = np.searchsorted(np.sort(whole.x.values), batch["x"].numpy())
        order = np.argsort(whole.x.values)[chosen]
        assert len(set(order.tolist())) == 20  # no point twice
        records = [
            int(np.flatnonzero((whole.initial.values == i).all(1))[0]) for i in batch["initial"].numpy()
        ]
        np.testing.assert_array_equal(batch["u"].numpy(), whole.u.values[records][:, order])
        seen.append(tuple(order.tolist()))
    assert len(set(seen)) == len(seen) == 4  # each batch has a set of its own


def test_a_set_for_each_record_gives_coordinates_of_each(tmp_path: Path) -> None:
    store = write_heat(tmp_path / "a.zarr")
    batch = next(iter(loader(store, per="record")))
    assert batch["x"].shape == batch["time"].shape == batch["u"].shape == (4, 20)
    assert not torch.equal(batch["x"][0], batch["x"][1])
    whole = open_store(store).dataset().load()
    for row in range(4):
        record = int(np.flatnonzero((whole.initial.values == batch["initial"][row].numpy()).all(1))[0])
        pairs = dict(zip(whole.x.values.tolist(), whole.u.values[record].tolist(), strict=True))
        assert [pairs[x] for x in batch["x"][row].tolist()] == batch["u"][row].tolist()


@pytest.mark.parametrize("per", ["batch", "record"])
def test_draws_follow_from_seed_and_epoch_alone(per: str, tmp_path: Path) -> None:
    store = write_heat(tmp_path / "a.zarr", "own")
    one, two = loader(store, per=per), loader(store, per=per)
    first, second = list(one), list(one)
    assert not torch.equal(first[0]["x"].sort().values, second[0]["x"].sort().values)
    two.load_state_dict({"seed": 0, "epoch": 1, "step": 2})
    for resumed, undisturbed in zip(two, second[2:], strict=True):
        for name in resumed:
            assert torch.equal(resumed[name], undisturbed[name])
    assert not torch.equal(next(iter(loader(store, per=per, seed=1)))["x"], first[0]["x"])


def test_processes_that_share_a_batch_share_its_points(tmp_path: Path) -> None:
    store = write_heat(tmp_path / "a.zarr")
    alone = next(iter(loader(store)))
    shares = [next(iter(loader(store, ranks=2, rank=rank))) for rank in range(2)]
    for share in shares:
        assert torch.equal(share["x"], alone["x"])
    assert torch.equal(torch.cat([share["u"] for share in shares]), alone["u"])


def test_padded_records_give_their_real_points_and_short_ones_all_of_them(tmp_path: Path) -> None:
    store = write_heat(tmp_path / "a.zarr", "padded", points=30)
    whole = open_store(store).dataset().load()
    counts = set()
    for batch in loader(store, per="record"):
        for row in range(4):
            length = int(batch["length"][row])
            known = batch["x"][row].isfinite()
            assert int(known.sum()) == min(length, 20)
            assert torch.equal(known, batch["u"][row].isfinite())
            record = int(np.flatnonzero((whole.initial.values == batch["initial"][row].numpy()).all(1))[0])
            drawn = batch["x"][row][known].tolist()
            assert len(set(drawn)) == len(drawn)
            assert set(drawn) <= set(whole.x.values[record][:length].tolist())
            counts.add(min(length, 20))
    assert len(counts) > 2


@pytest.mark.parametrize(
    ("kind", "node", "message"),
    [
        ("shared", {"count": 61}, "count is 61, but an example has 60 points"),
        ("shared", {"count": 5, "dimension": "pont"}, "Did you mean 'point'"),
        ("padded", {"count": 5}, "different numbers of points.*say per=record"),
        ("shared", {"count": 0}, "count"),
    ],
)
def test_draws_that_cannot_be_made_are_refused(
    kind: str, node: dict[str, Any], message: str, tmp_path: Path
) -> None:
    store = write_heat(tmp_path / "a.zarr", kind)
    augmentations = [{"name": "draw_points", **node}]
    values = configuration(store, tmp_path, task={"augmentations": augmentations})
    with pytest.raises(ConfigError, match=message):
        RunData.open(validate(RunConfig, values, "test"))


def test_all_points_are_kept_outside_of_training() -> None:
    draw = DrawPoints(context(LEVEL, X), 3)
    batch = {"x": torch.arange(7.0), "p": torch.randn(2, 7)}
    assert draw(batch, [np.random.default_rng(0)], train=False) is batch
    assert draw(batch, [np.random.default_rng(0)], train=True)["p"].shape == (2, 3)
