"""What a shell offers, asked as bash and fish ask."""

import os
import subprocess
import sys

import pytest

from surrogates.cli.completion import completions
from surrogates.core.registry import names


def offered(**environment: str) -> list[str]:
    """Return the lines that the program prints for a shell."""
    done = subprocess.run(
        [sys.executable, "-c", "from surrogates.cli.main import main; main()"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split()


def in_bash(words: list[str]) -> list[str]:
    """Return what bash is offered with the cursor in the last word."""
    line = " ".join(["surrogates", *words])
    return offered(_SURROGATES_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words)))


def in_fish(line: str) -> list[str]:
    """Return what fish is offered with the cursor at the end of the line."""
    return offered(
        _SURROGATES_COMPLETE="complete_fish",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
        _TYPER_COMPLETE_ARGS=line,
    )


def test_commands_and_commands_of_plugins_are_offered():
    assert in_bash(["tr"]) == ["train"]
    assert in_bash(["uav", "st"]) == ["stream"]


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_bash_which_splits_words_at_equals_is_offered_the_value(command):
    assert in_bash([command, "experiment", "=", "uav/c"]) == ["uav/course"]


def test_bash_is_offered_every_value_right_after_the_equals():
    shipped = in_bash(["train", "experiment", "="])
    assert {"uav/course", "uav/vector", "seismic/fno"} <= set(shipped)


def test_fish_is_offered_the_whole_word():
    assert in_fish("surrogates train experiment=uav/c") == ["experiment=uav/course"]


def test_sizes_are_those_of_the_experiment_that_was_typed():
    typed = ["experiment", "=", "uav/vector", "size", "="]
    assert completions("train", typed, "") == ["tiny", "paper"]
    assert completions("train", ["experiment=uav/vector"], "size=t") == ["size=tiny"]


def test_keys_models_commands_of_data_and_recipes_are_offered():
    assert completions("train", [], "exp") == ["experiment="]
    assert completions("train", ["model", "="], "geo") == ["geo_unet"]
    assert "build" in completions("data", [], "")
    assert completions("data", ["build"], "") == completions("data", ["card"], "") == names("recipes")
    assert completions("predict", [], "") == []  # the shell offers files


def test_completion_imports_neither_torch_nor_hydra_nor_xarray():
    program = (
        "import sys; from surrogates.cli.completion import completions as c; c('train', [], 'experiment=');"
        "c('train', ['experiment=uav/vector'], 'size='); c('train', [], 'model='); c('data', ['build'], '');"
        "c('data', [], ''); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"torch", "hydra", "xarray", "numpy", "pydantic"}.isdisjoint(done.stdout.split())
