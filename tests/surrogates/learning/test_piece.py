"""Pieces are built with their context and their facts, and say of themselves only what their kind may say."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
import xarray as xr

from datasets.store.specs import VariableSpec
from surrogates.core import build as building
from surrogates.core.errors import ConfigError
from surrogates.learning import piece as module
from surrogates.learning.context import Context, Fact, Scalar
from surrogates.learning.contract import Baseline, Metric, Objective, Preparation
from surrogates.learning.transform import Features, Transform

A, B = (VariableSpec(name=name, dims=("sample",), shape=()) for name in "ab")
FREQUENCY = xr.DataArray(2.0, attrs={"units": "GHz"})
CONTEXT = Context.of([A], [B], shared={"frequency": FREQUENCY}, source="a.zarr")
Register = Callable[[object], None]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Let one object be registered as 'mine', under any kind: ``register(object)``."""

    def known_as_mine(found: object) -> None:
        for each in (building, module):
            monkeypatch.setattr(each, "resolve", lambda kind, name: {"mine": found}[name])

    return known_as_mine


class Ray(Transform):
    facts: ClassVar[Mapping[str, Fact]] = {"frequency": Scalar("Hz")}
    grid = ()
    channel_names = ("a",)
    in_channels = 1

    def __init__(self, context: Context, frequency: float, scale: float = 2.0) -> None:
        super().__init__()
        self._given = (context.input_names, frequency, scale)

    def forward(self, inputs: Mapping[str, Any]) -> Features:
        return Features(inputs["a"])


class Gathered(Ray):
    facts: ClassVar[Mapping[str, Fact]] = {"frequency": Scalar("Hz"), "height": Scalar("m")}

    def __init__(self, facts: Mapping[str, float], scale: float = 2.0) -> None:
        Transform.__init__(self)
        self._given = (dict(facts), scale)


class Bare(Objective):
    pass


def test_a_piece_gets_its_context_its_facts_and_the_arguments_of_its_node(register: Register) -> None:
    register(Ray)
    assert Transform.build({"name": "mine", "scale": "3"}, CONTEXT)._given == (["a"], 2e9, 3.0)
    assert Transform.build({"name": "mine", "frequency": 2e9}, CONTEXT)._given == (["a"], 2e9, 2.0)
    with pytest.raises(
        ConfigError, match=r"transform 'mine': frequency is 3e\+09 Hz, but a.zarr has 2e\+09 Hz"
    ):
        Transform.build({"name": "mine", "frequency": 3e9}, CONTEXT)


def test_a_piece_may_take_all_its_facts_as_one_mapping_and_its_node_does_not_change(
    register: Register,
) -> None:
    register(Gathered)
    node = {"name": "mine", "height": 3.0, "scale": 4.0}
    assert Transform.build(node, CONTEXT)._given == ({"frequency": 2e9, "height": 3.0}, 4.0)
    assert Transform.resolved({"name": "mine"}) == {"name": "mine", "scale": 2.0}
    with pytest.raises(ConfigError, match="facts follows from the data"):
        Transform.build({**node, "facts": {"frequency": 1e9}}, CONTEXT)
    with pytest.raises(ConfigError, match="needs height in m"):
        Transform.build({"name": "mine"}, CONTEXT)


def test_a_piece_without_a_constructor_needs_no_context(register: Register) -> None:
    register(Bare)
    built = Objective.build({"name": "mine"}, CONTEXT)
    assert (built.both_ways, built.steps) == (False, None)


def test_the_node_of_a_record_has_every_default_and_no_fact_that_the_data_tell(register: Register) -> None:
    register(Ray)
    assert Transform.resolved({"name": "mine"}) == {"name": "mine", "scale": 2.0}
    stated = {"name": "mine", "frequency": 2e9}
    assert Transform.resolved(stated) == {**stated, "scale": 2.0}


def test_facts_of_a_node_are_told_with_their_values(register: Register) -> None:
    register(Ray)
    assert Transform.facts_of({"name": "mine"}, CONTEXT) == {"frequency": (Scalar("Hz"), 2e9)}
    with pytest.raises(ConfigError, match=r"transform 'mine' needs frequency in Hz.*task\.shared\.frequency"):
        Transform.facts_of({"name": "mine"}, Context.of([A], [B]))


def test_context_and_facts_do_not_belong_to_the_arguments_of_a_node(register: Register) -> None:
    register(Ray)
    with pytest.raises(ConfigError, match="context follows from the data"):
        Transform.build({"name": "mine", "context": 1}, CONTEXT)
    with pytest.raises(ConfigError, match=r"unknown key 'scael'. Did you mean 'scale'\? Valid keys: scale$"):
        Transform.build({"name": "mine", "scael": 1}, CONTEXT)


@pytest.mark.parametrize(
    ("kind", "name", "value", "like"),
    [
        (Transform, "offset_fre", ("a",), "offset_free"),
        (Objective, "both_way", True, "both_ways"),
        (Preparation, "draw_together", 5, "draws_together"),
        (Metric, "of_spreads", True, "of_spread"),
        (Baseline, "variable", ("a",), "variables"),
    ],
)
def test_a_capability_that_no_kind_knows_is_refused_with_the_nearest(
    register: Register, kind: type[module.Piece], name: str, value: object, like: str
) -> None:
    register(type("Mine", (kind,), {name: value}))
    with pytest.raises(ConfigError, match=f"'mine' says '{name}' of itself") as caught:
        kind.build({"name": "mine"}, CONTEXT)
    assert f"Did you mean '{like}'?" in str(caught.value) and "\n" not in str(caught.value)
    assert "begin a name of your own with an underscore" in str(caught.value)


def test_a_capability_of_another_kind_is_refused(register: Register) -> None:
    register(type("Mine", (Baseline,), {"both_ways": True}))
    with pytest.raises(ConfigError, match="'mine' says 'both_ways' of itself, which no baseline does"):
        Baseline.build({"name": "mine"}, CONTEXT)


def test_a_capability_is_refused_in_a_class_between_the_kind_and_the_piece(register: Register) -> None:
    between = type("Between", (Objective,), {"both_way": True})
    register(type("Mine", (between,), {}))
    with pytest.raises(ConfigError, match="'both_way' of itself"):
        Objective.build({"name": "mine"}, CONTEXT)


def test_methods_private_names_and_constants_are_ones_own(register: Register) -> None:
    class Mine(Objective):
        _offset_fre = 1
        BOTH_WAY = 2
        both_ways = True

        class Inner:
            pass

        @property
        def both_way(self) -> bool:
            return True

        def step(self) -> None: ...

        @staticmethod
        def stepps() -> None: ...

    register(Mine)
    assert Objective.build({"name": "mine"}, CONTEXT).both_ways


class Spelt(Objective):
    def __init__(self, steps: int = 1, both_way: bool = False) -> None:
        self.steps, self.both_way, self.loss, self._both_wayz = steps, both_way, "mse", 1


class Misspelt(Objective):
    def __init__(self) -> None:
        self.both_way = True


def test_an_attribute_near_a_capability_is_refused(register: Register) -> None:
    register(Misspelt)
    with pytest.raises(ConfigError) as caught:
        Objective.build({"name": "mine"}, CONTEXT)
    assert str(caught.value) == (
        "objective 'mine' has the attribute 'both_way'. Did you mean 'both_ways'? Rename it if it means "
        "another thing."
    )


def test_attributes_that_are_parameters_capabilities_or_far_from_them_are_taken(register: Register) -> None:
    register(Spelt)
    built = Objective.build({"name": "mine", "steps": 4}, CONTEXT)
    assert built.steps == 4


@pytest.mark.parametrize("found", [Bare, lambda: [1]], ids=["other kind", "function"])
def test_an_object_of_another_kind_is_refused(register: Register, found: object) -> None:
    register(found)
    with pytest.raises(ConfigError, match=r"baseline 'mine' is a \w+; expected a subclass of .*\.Baseline$"):
        Baseline.build({"name": "mine"}, CONTEXT)


def test_a_function_may_return_a_piece(register: Register) -> None:
    def make() -> Bare:
        return Bare()

    register(make)
    assert isinstance(Objective.build({"name": "mine"}, CONTEXT), Bare)


def test_pieces_of_one_name_are_told_apart_by_their_arguments(register: Register) -> None:
    register(Spelt)
    found = Objective.build_named([{"name": "mine", "steps": 1}, {"name": "mine", "steps": 2}], CONTEXT)
    assert {name: each.steps for name, each in found.items()} == {"mine (steps=1)": 1, "mine (steps=2)": 2}
    with pytest.raises(ConfigError, match="'mine' stands twice"):
        Objective.build_named(["mine", "mine"], CONTEXT)
