import numpy as np
import pytest

from datasets.store.errors import ContractError
from datasets.store.specs import DECIBEL, DECIBEL_MILLIWATT
from datasets.store.units import convert, convertible, difference, display, has_zero, parse, same


def test_metres_and_kilometres() -> None:
    np.testing.assert_allclose(convert(np.array([1.5]), "km", "m"), [1500])


def test_decibel_milliwatt_becomes_watt() -> None:
    np.testing.assert_allclose(convert(np.array([30.0, 0.0]), "dBm", "W"), [1.0, 1e-3])


def test_a_ratio_becomes_decibel_in_either_spelling() -> None:
    np.testing.assert_allclose(convert(np.array([100.0]), "1", DECIBEL), [20], rtol=1e-6)
    np.testing.assert_allclose(convert(np.array([20.0]), "dB", "1"), [100], rtol=1e-6)
    assert same("dB", DECIBEL) and same("dBm", DECIBEL_MILLIWATT) and not same("dB", "dBm")


def test_equal_units_return_the_array_itself() -> None:
    values = np.ones(3, np.float32)
    assert convert(values, "m s-1", "m/s") is values


def test_conversion_leaves_its_input_alone_and_takes_integers() -> None:
    values = np.array([1, 2])
    np.testing.assert_allclose(convert(values, "km", "m"), [1000.0, 2000.0])
    assert values.tolist() == [1, 2]


@pytest.mark.parametrize(("first", "second"), [("m", "s"), ("dBm", "dB"), ("K", "Pa")])
def test_units_of_other_kinds_are_refused(first: str, second: str) -> None:
    assert not convertible(first, second)
    with pytest.raises(ContractError, match=f"'{first}' cannot be converted to '{second}'"):
        convert(np.ones(1), first, second)


def test_unknown_words_are_answered_with_examples() -> None:
    with pytest.raises(ContractError, match=r"'metresish' are not UDUNITS units; write e.g."):
        parse("metresish")


def test_display_is_what_people_write() -> None:
    assert [display(word) for word in (DECIBEL, DECIBEL_MILLIWATT, "1", "m")] == ["dB", "dBm", "", "m"]


def test_a_difference_of_levels_is_in_decibels_and_of_temperatures_in_kelvin() -> None:
    words = {"dBm": DECIBEL, DECIBEL_MILLIWATT: DECIBEL, "degC": "K", "m s-1": "m s-1", "K": "K", "1": "1"}
    assert {word: difference(word) for word in words} == words
    assert convert(np.array([9.0]), difference("degF"), "K") == pytest.approx(5.0)


def test_negative_power_has_no_decibels_and_is_refused_with_its_value():
    with pytest.raises(ContractError, match="-87 W is no value in dBm; check the units"):
        convert(np.array([np.nan, 1e-9, -87.0]), "W", "dBm")
    found = convert(np.array([np.nan, 1e-3]), "W", "dBm")
    np.testing.assert_allclose(found, [np.nan, 0.0], atol=1e-6)


def test_complex_values_are_converted_by_a_factor_or_refused() -> None:
    found = convert(np.array([1 + 2j, np.nan], np.complex64), "mV", "V")
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found, [1e-3 + 2e-3j, np.nan], rtol=1e-6)
    for first, second in (("degC", "K"), ("W", "dBm")):
        with pytest.raises(ContractError, match=r"complex values in .* which is no multiple of it"):
            convert(np.array([1 + 2j]), first, second)


def test_only_units_whose_zero_means_nothing_have_ratios() -> None:
    assert all(map(has_zero, ("V", "K", "m s-1", "1")))
    assert not any(map(has_zero, ("dBm", "degC", DECIBEL, "ln(re 1 mW)", "lb(re 1)")))
