"""What an executor is, and how its name becomes one."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, cast

from pydantic import Field

from datasets.factory.jobs import Job
from datasets.factory.recipe import Recipe
from datasets.store.layout import Store
from surrogates.core.build import build, split_node

Workers = Annotated[int, Field(ge=1, le=4096)]
"""Number of worker processes."""


class Executor(ABC):
    """Simulates the units of a build, while the process that builds writes the shard rows.

    Attributes
    ----------
    in_memory
        Whether it can build a store that lies in the memory of the process that builds.
    """

    in_memory: ClassVar[bool] = False

    @abstractmethod
    def simulate(self, job: Job, units: Sequence[int]) -> Generator[int]:
        """Simulate and stage units, and yield the number of each when it is done.

        Parameters
        ----------
        job
            What to simulate. The units of a chained recipe run in order.
        units
            Numbers of the units.

        Raises
        ------
        BuildError
            When a unit fails, the disk is full, or workers die again and again.
        """


class Submitter(ABC):
    """Hands slices of a build to a queue that runs them later."""

    @abstractmethod
    def submit(self, recipe: Recipe, url: str) -> tuple[Store, str]:
        """Submit the slices that miss rows, and what finalises the store after them.

        Returns
        -------
        store, said
            The store as it is now, and what was submitted, one line.
        """

    @abstractmethod
    def script(self, recipe: Recipe, url: str) -> str:
        """Return the batch script that `submit` would hand over."""


def make_executor(
    node: str | Mapping[str, Any] = "processes", workers: int | None = None
) -> Executor | Submitter:
    """Return the executor that a node names.

    Parameters
    ----------
    node
        A registered name, or ``{name: ..., **arguments}``.
    workers
        Its argument ``workers``, unless the node has one.

    Raises
    ------
    ConfigError
        For a name or an argument that does not exist (with the nearest one), or a wrong value.
    """
    name, arguments = split_node("executors", node)
    given = {} if workers is None else {"workers": workers}
    return cast(Executor | Submitter, build("executors", {"name": name, **given, **arguments}))
