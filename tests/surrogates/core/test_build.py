"""A node becomes an object; the constructor's signature is the schema."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from surrogates.core import build as module
from surrogates.core.build import build, resolved, validate
from surrogates.core.errors import ConfigError


class Network:
    def __init__(
        self,
        in_channels: int,
        width: int = 8,
        stages: tuple[int, ...] = (1, 2),
        kind: Literal["a", "b"] = "a",
    ) -> None:
        self.arguments = (in_channels, width, stages, kind)


class Plain:
    pass


class Required:
    def __init__(self, alpha: float, beta: float = 2.0) -> None:
        self.alpha, self.beta = alpha, beta


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    pieces = {"net": Network, "plain": Plain, "required": Required, "constant": (1, 2)}
    monkeypatch.setattr(module, "resolve", lambda kind, name: pieces[name])


def test_arguments_are_converted_by_the_signature():
    network = build("models", {"name": "net", "width": "16", "stages": [3, 4]}, in_channels=2)
    assert network.arguments == (2, 16, (3, 4), "a")


def test_context_goes_only_to_constructors_that_take_it():
    assert isinstance(build("models", {"name": "plain"}, in_channels=2), Plain)


def test_context_cannot_be_set_by_the_node():
    with pytest.raises(ConfigError, match="in_channels follows from the data"):
        build("models", {"name": "net", "in_channels": 3}, in_channels=2)


def test_unknown_argument_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"model 'net': unknown key 'widht'. Did you mean 'width'\?"):
        build("models", {"name": "net", "widht": 3}, in_channels=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": "wide"}, "'width' should be a valid integer.*'wide'"),
        ({"kind": "c"}, "'kind' should be 'a' or 'b'"),
    ],
)
def test_wrong_value_names_argument_expected_and_found(arguments, message):
    with pytest.raises(ConfigError, match=message):
        build("models", {"name": "net", **arguments}, in_channels=2)


def test_alternatives_of_a_type_are_told_together_under_the_users_key():
    class Model(BaseModel):
        size: tuple[PositiveInt | tuple[float, float], ...]
        walls: dict[str, PositiveInt | None] = {}

    with pytest.raises(ConfigError) as caught:
        validate(Model, {"size": [1, -2], "walls": {"all": 0}}, "room")
    assert str(caught.value) == (
        "room: 'size.1' should be greater than 0 or a valid tuple, found -2; "
        "'walls.all' should be greater than 0, found 0"
    )


def test_missing_argument_is_named():
    with pytest.raises(ConfigError, match="'alpha' is required"):
        build("models", {"name": "required"})


def test_resolved_fills_defaults_as_plain_values():
    node = resolved("models", {"name": "net", "width": 4}, in_channels=2)
    assert node == {"name": "net", "width": 4, "stages": [1, 2], "kind": "a"}


def test_resolved_leaves_to_the_program_what_it_supplies():
    assert resolved("models", {"name": "required"}) == {"name": "required", "beta": 2.0}


def test_node_without_a_name_is_refused():
    with pytest.raises(ConfigError, match="expected 'name"):
        build("models", {"width": 3})


def test_registered_constants_take_no_arguments():
    assert build("models", {"name": "constant"}) == (1, 2)
    with pytest.raises(ConfigError, match="takes no arguments"):
        build("models", {"name": "constant", "width": 1})


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    max_steps: int = Field(1, gt=0)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    trainer: Inner = Inner()
    stores: list[Inner] = []


def test_nested_unknown_key_is_answered_from_its_own_level():
    with pytest.raises(ConfigError, match=r"'trainer.max_step'. Did you mean 'max_steps'"):
        validate(Outer, {"trainer": {"max_step": 3}}, "run")
    with pytest.raises(ConfigError, match=r"'stores.0.maxsteps'. Did you mean 'max_steps'"):
        validate(Outer, {"stores": [{"maxsteps": 3}]}, "run")


def test_every_fault_is_reported_at_once():
    with pytest.raises(ConfigError, match=r"max_steps' should be greater than 0.*key 'colour'"):
        validate(Outer, {"trainer": {"max_steps": 0}, "colour": 1}, "run")
