"""Recipes answer mistakes and give every record its own random numbers."""

import numpy as np
import pytest

from datasets.factory.recipe import Recipe, generators
from surrogates.core.errors import ConfigError
from tests.toy import Oscillator


def test_a_mistyped_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"recipe 'toy/oscillator': unknown key 'sampels'.*'samples'"):
        Oscillator.make({"sampels": 3})


def test_a_wrong_value_is_named_with_what_was_expected() -> None:
    with pytest.raises(ConfigError, match="'samples' should be greater than 0, found -3"):
        Oscillator.make({"samples": -3})


def test_words_of_the_command_line_become_numbers() -> None:
    assert Oscillator.make({"samples": "12"}).samples == 12


def test_a_truth_value_is_no_number_but_a_truth_value() -> None:
    class Switch(Recipe):
        name, title = "toy/switch", "Switches"
        on: bool = False

    assert Switch.make({"on": "yes", "seed": 1}).on is True
    with pytest.raises(ConfigError, match="'seed': expected a number, found true"):
        Switch.make({"seed": True})


def test_config_makes_the_same_recipe_again() -> None:
    recipe = Oscillator(samples=7, seed=3)
    assert Oscillator.make(recipe.config()) == recipe


def test_the_generator_of_a_record_does_not_depend_on_its_company() -> None:
    together = [rng.normal() for rng in generators(5, np.arange(10))]
    alone = [generators(5, np.array([index]))[0].normal() for index in range(10)]
    assert together == alone
    assert len(set(together)) == 10
    assert generators(6, np.array([0]))[0].normal() != together[0]


def test_a_recipe_needs_to_say_what_it_makes() -> None:
    class Empty(Recipe):
        name, title = "empty", "Nothing"

    for method in (Empty().records, Empty().specs, lambda: Empty().simulate(np.arange(1), [])):
        with pytest.raises(NotImplementedError, match="Empty does not define"):
            method()
