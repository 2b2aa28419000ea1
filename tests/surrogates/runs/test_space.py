"""What a sweep varies, in words."""

import pytest

from surrogates.core.errors import ConfigError
from surrogates.runs.space import Parameter, parameter_of, space_of, split_arguments


def test_words_part_in_what_stays_and_what_varies():
    words = ["experiment=a/b", "--config-dir", "conf", "x.lr=log(1e-4, 1e-2)", "x.n=int(2,8)", "seed=int(3)"]
    fixed, space = split_arguments([*words, "model=choice(mlp,gru)"])
    assert fixed == ["experiment=a/b", "--config-dir", "conf", "seed=int(3)"]
    assert space == {
        "x.lr": Parameter("x.lr", "log", bounds=(1e-4, 1e-2)),
        "x.n": Parameter("x.n", "int", bounds=(2, 8)),
        "model": Parameter("model", "choice", choices=("mlp", "gru")),
    }
    assert [space[key].ends() for key in space] == [("0.0001", "0.01"), ("2", "8"), ("mlp", "gru")]


def test_choice_may_hold_brackets():
    parameter = parameter_of("task.inputs", "choice([a,b],[a],{name: x, k: [1,2]})")
    assert parameter.choices == ("[a,b]", "[a]", "{name: x, k: [1,2]}")


def test_experiment_says_the_same_in_yaml():
    space = space_of({"x.lr": "log(1e-4,1e-2)", "model.width": [8, 16]})
    assert space == {
        "x.lr": Parameter("x.lr", "log", bounds=(1e-4, 1e-2)),
        "model.width": Parameter("model.width", "choice", choices=("8", "16")),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lgo(1,2)", r"a sweep knows no 'lgo'. Did you mean 'log'\? It has log\(LOW,HIGH\)"),
        ("range(1,9)", "a sweep knows no 'range'"),
        ("log(0,1)", "both numbers of log.* must be positive"),
        ("uniform(2,1)", "the first number must be smaller than the second"),
        ("uniform(1,2,3)", r"expected uniform\(LOW,HIGH\) with two numbers"),
        ("int(1,2.5)", "both numbers of int.* must be whole"),
        ("choice(a,a)", "a choice needs two or more values, all different"),
    ],
)
def test_mistake_is_said_in_one_line(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parameter_of("x", text)
    assert "\n" not in str(caught.value)


def test_one_value_is_no_range():
    with pytest.raises(ConfigError, match=r"sweep: x is '3', one value; expected log\(LOW,HIGH\)"):
        space_of({"x": 3})
