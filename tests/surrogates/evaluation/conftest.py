"""The finished run in miniature, for what is scored in it."""

from tests.surrogates.runs.conftest import run

__all__ = ["run"]
