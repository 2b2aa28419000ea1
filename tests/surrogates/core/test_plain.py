"""YAML is read as plain data, and what it says twice or cannot say is refused by its line."""

import pytest

from surrogates.core.errors import ConfigError
from surrogates.core.plain import read_yaml


def test_plain_values_merges_and_aliases_are_read() -> None:
    assert read_yaml("a: &x {n: 1, m: 2}\nb: {<<: *x, n: 3}\nc: [*x, 1e-3, ~]\n") == {
        "a": {"n": 1, "m": 2},
        "b": {"n": 3, "m": 2},
        "c": [{"n": 1, "m": 2}, "1e-3", None],
    }
    assert read_yaml("# nothing\n") is None
    looped = read_yaml("&a [*a]")
    assert looped[0] is looped


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' stands in line 1 already; keep one"),
        ("- {a: 1, a: 1}\n", "line 1: the key 'a' stands in line 1 already"),
        ("x:\n  a: 1\n  'a': 2\n", "line 3: the key 'a' stands in line 2 already"),
        ("a: b: c\n", "line 1: mapping values are not allowed"),
        ("a: 1\n---\nb: 2\n", "line 2: but found another document"),
        ("a: !!python/name:os.system\n", "line 1: could not determine a constructor"),
        ("a: 2024-13-45\n", "month must be in"),
        ("a: \x00\n", "#x0000"),
        ("[" * 100_000, "depth"),
    ],
)
def test_what_is_no_plain_value_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_true_and_false_are_truth_values() -> None:
    assert read_yaml("[true, FALSE, no, On, yes, y, trueish]") == [
        True,
        False,
        "no",
        "On",
        "yes",
        "y",
        "trueish",
    ]


def test_the_same_text_of_another_type_is_another_key() -> None:
    assert read_yaml("{1: a, '1': b}") == {1: "a", "1": "b"}
