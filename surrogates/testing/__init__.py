"""Checks that hold a piece of any package to what the platform takes for granted of its kind.

A package calls them in its own tests::

    from surrogates.testing import check_metric, check_recipe

    def test_pieces():
        check_recipe("cooling/body", {"samples": 32, "steps": 8})
        check_metric("cooling/warming")

Each check takes a registered name, a node ``{name: ..., **arguments}`` or an object that was built already,
and small example inputs where they do not follow from the context. It returns nothing, or raises an
`AssertionError` of one sentence: the piece, what was found, what was expected. A registered name is also held
to `check_registered`: it is imported lazily, documented, and refuses unknown arguments.
"""

from surrogates.testing.answering import check_head, check_predictor
from surrogates.testing.drawn import draw_batch
from surrogates.testing.judging import check_baseline, check_metric, check_plot
from surrogates.testing.learning import check_objective, check_transform
from surrogates.testing.networks import check_model, known_answer
from surrogates.testing.preparing import check_preparation
from surrogates.testing.recipes import check_importer, check_recipe
from surrogates.testing.registered import check_documented, check_registered

__all__ = [
    "check_baseline",
    "check_documented",
    "check_head",
    "check_importer",
    "check_metric",
    "check_model",
    "check_objective",
    "check_plot",
    "check_predictor",
    "check_preparation",
    "check_recipe",
    "check_registered",
    "check_transform",
    "draw_batch",
    "known_answer",
]
