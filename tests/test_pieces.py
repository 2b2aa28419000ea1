"""Every registered piece is held to what is taken for granted of its kind."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from datasets.factory.recipe import Recipe
from surrogates import testing
from surrogates.core import registry
from surrogates.core.plugins import KINDS
from tests.pieces.examples import VALUES, example_of, pieces
from tests.pieces.uav import EVERY

CHECKS = {
    "recipes": testing.check_recipe,
    "models": testing.check_model,
    "transforms": testing.check_transform,
    "heads": testing.check_head,
    "objectives": testing.check_objective,
    "predictors": testing.check_predictor,
    "preparations": testing.check_preparation,
    "baselines": testing.check_baseline,
    "metrics": testing.check_metric,
    "plots": testing.check_plot,
}


@pytest.mark.parametrize(("kind", "name"), pieces(*KINDS))
def test_a_name_leads_to_a_documented_piece(kind: str, name: str) -> None:
    testing.check_registered(kind, name)


def test_a_piece_without_an_example_is_told_where_to_write_one() -> None:
    with pytest.raises(
        pytest.fail.Exception, match=r"no example of the model 'uav/new': add one to EXAMPLES\['models'\]"
    ):
        example_of("models", "uav/new")
    assert example_of("baselines", "uav/new") is EVERY["baselines"]


def reads_files(name: str) -> bool:
    return cast(type[Recipe], registry.resolve("recipes", name)).reads_files


IMPORTERS = [name for name in registry.names("recipes") if reads_files(name)]


@pytest.mark.parametrize(("kind", "name"), pieces(*CHECKS))
def test_a_piece_keeps_what_its_kind_promises(kind: str, name: str, tmp_path: Path) -> None:
    given = {"piece": name} | example_of(kind, name)(tmp_path)
    if kind != "recipes":
        check: Any = CHECKS[kind]
        check(**given)
    elif name in IMPORTERS:
        testing.check_importer(**given | {"workers": []})
    else:
        testing.check_recipe(**{"workers": [2]} | given)


@pytest.mark.slow  # each process imports its solver or reader anew: minutes for all
@pytest.mark.parametrize("name", registry.names("recipes"))
def test_a_store_is_the_same_whatever_the_worker_processes(name: str, tmp_path: Path) -> None:
    given = {"piece": name} | example_of("recipes", name)(tmp_path) | {"workers": [1, 2]}
    given.pop("source", None)
    testing.check_recipe(**given)


def test_networks_with_known_weights_answer_as_before(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Run `pytest tests/test_pieces.py --update-values` after a change that is meant to change answers."""
    found = {}
    for _, name in pieces("models"):
        given = {"piece": name} | example_of("models", name)(tmp_path)
        for arguments in given.get("sweep", [{}]):
            node = (given["piece"] if isinstance(given["piece"], dict) else {"name": name}) | arguments
            key = ", ".join([name, *(f"{key}={value}" for key, value in node.items() if key != "name")])
            found[key] = testing.known_answer(node, given["inputs"], given["answer"], given.get("at_points"))
    if request.config.getoption("--update-values"):
        VALUES.write_text(json.dumps(found, indent=2) + "\n")
    kept = json.loads(VALUES.read_text())
    assert found.keys() == kept.keys(), "run pytest tests/test_pieces.py --update-values"
    for key, values in found.items():
        assert values == pytest.approx(kept[key], rel=1e-4, abs=1e-5), key
