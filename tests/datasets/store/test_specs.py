import numpy as np
import pytest
from pydantic import ValidationError

from datasets.store.errors import ContractError
from datasets.store.specs import DECIBEL, Split, VariableSpec


def test_a_spec_survives_the_attributes_of_an_array() -> None:
    spec = VariableSpec(
        name="loss",
        dims=("sample", "level", "x"),
        shape=(3, 4),
        units=DECIBEL,
        display_units="dB",
        long_name="path loss",
        standard_name="loss",
        missing=True,
        minimum=-1,
        statistics_axes=("level",),
        statistics_mask="hit",
        repeatability=0.1,
        attributes={"grid_mapping": "crs"},
    )
    again = VariableSpec.from_attributes("loss", spec.dims, spec.shape, "float32", spec.to_attributes())
    assert again == spec
    assert spec.kept() == (("level",), (3,))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dims": ("sample",), "shape": (3, 4)}, "leave out the record axis"),
        ({"statistics_axes": ("level",)}, "'level'.* not among"),
        ({"dtype": "int32", "missing": True}, "no NaN"),
        ({"dtype": "complex64", "maximum": 1}, "complex64 has no order"),
        ({"dtype": "U5"}, "text belongs to the shared tables"),
        ({"dtype": "real"}, "'real' is not a NumPy type"),
        ({"unit": "m"}, "unit"),
        ({"repeatability": -1}, "repeatability"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, object], message: str) -> None:
    usual = {"name": "a", "dims": ("sample", "x"), "shape": (3,)}
    with pytest.raises(ValidationError, match=message):
        VariableSpec.model_validate(usual | changes)


def test_split_flags_follow_cf() -> None:
    attributes = Split(labels=np.array([0, 1, 2, -1]), keeps_whole="city").to_attributes()
    assert attributes["flag_values"] == [-1, 0, 1, 2]
    assert attributes["flag_meanings"] == "unused train validation test"
    assert attributes["keeps_whole"] == "city"
    assert Split(labels=[0, 2], keeps_whole="none").to_attributes()["flag_values"] == [0, 1, 2]


@pytest.mark.parametrize("labels", [[0, 3], [0.5, 1.0], [[0, 1]]])
def test_other_labels_are_refused(labels: list[object]) -> None:
    with pytest.raises((ContractError, ValidationError), match="split labels must be"):
        Split(labels=np.array(labels), keeps_whole="none")


def test_records_that_are_only_scored_are_all_test() -> None:
    split = Split.all_test(3, "measured")
    assert split.labels.tolist() == [2, 2, 2]
    assert split.to_attributes()["long_name"] == "measured"
