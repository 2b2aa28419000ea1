"""What a worker simulates, and what is said of a unit that fails."""

import pickle
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from datasets.factory.advice import full_disk, how_to_resume, is_full_disk
from datasets.factory.errors import BuildError
from datasets.factory.recipe import Recipe
from datasets.factory.staging import Staging
from datasets.factory.units import Units
from datasets.store.patience import Unanswered


@dataclass(frozen=True)
class Job:
    """All that a worker needs; pickled for each of them."""

    recipe_class: type[Recipe]
    config: Mapping[str, Any]
    units: Units
    staging: Staging

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe, made anew in each process."""
        return self.recipe_class.make(self.config)

    @property
    def how_to_resume(self) -> str:
        """What to do to resume this build."""
        return how_to_resume(self.staging.url, self.recipe_class)


@dataclass(frozen=True)
class Failure:
    """An exception as text: exceptions themselves do not always survive pickling."""

    summary: str
    trace: str
    error_number: int | None
    unanswered: bool = False


def failure_of(error: Exception) -> Failure:
    """Return an exception as text."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, Unanswered):
        return Failure(str(error), traceback.format_exc(), number, unanswered=True)
    return Failure(f"{type(error).__name__}: {error}", traceback.format_exc(), number)


def explain(job: Job, unit: int, failure: Failure) -> BuildError | Unanswered:
    """Return the error of a build whose unit failed, or could not be staged."""
    if failure.unanswered:
        return Unanswered(failure.summary)
    if is_full_disk(failure.error_number):
        return full_disk(job.staging.url, job.recipe_class, failure.error_number)
    indices = job.units.indices(unit)
    said = failure.summary.rstrip(".: ")
    advice = f"once that is mended, {job.how_to_resume}"
    if job.recipe_class.formats:  # it reads files, and does not resume with changed ones
        advice = f"{job.how_to_resume}, or after a change of files or keys give another `out=`"
    error = BuildError(
        f"Unit {unit} (records {indices[0]} to {indices[-1]}) of recipe '{job.recipe_class.name}' failed: "
        f"{said}{'' if said.endswith('?') else '.'} Finished units are kept; {advice}."
    )
    error.add_note(f"In the worker:\n{failure.trace}")
    return error


def require_importable(recipe_class: type[Recipe]) -> None:
    """Refuse a recipe that other processes cannot import.

    Raises
    ------
    BuildError
        Names the recipe and the remedy.
    """
    try:
        pickle.dumps(recipe_class)
    except (AttributeError, pickle.PicklingError) as error:
        raise BuildError(
            f"Worker processes cannot import recipe '{recipe_class.name}' ({error}). Define its class at the "
            "top of a module, or build with workers=0 in one process."
        ) from error
