"""Configuration of a pipeline: variables, pieces and normalisation, as plain values."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from datasets.store.specs import VariableSpec
from surrogates.learning.normaliser import Normalisation


class Sides(BaseModel):
    """How each side of a network is normalised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: Normalisation = "standard"
    targets: Normalisation = "standard"


class PipelineConfig(BaseModel):
    """All that is needed to build a pipeline, as plain JSON values.

    The head says what the network's outputs mean (`surrogates.learning.heads`). The normalisations
    `max_norm` and `whitening` take the channels as components of one vector (see
    `surrogates.learning.normaliser`); inputs and targets may be normalised each in its own way. With
    `both_ways` the network also answers the inputs for given targets, by its method `reverse`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: list[VariableSpec] = Field(min_length=1)
    targets: list[VariableSpec] = Field(min_length=1)
    transform: dict[str, Any] = {"name": "stack"}
    network: dict[str, Any]
    record_dimension: str = "sample"
    head: dict[str, Any] = {"name": "point"}
    normalisation: Normalisation | Sides = "standard"
    both_ways: bool = False

    @property
    def sides(self) -> Sides:
        """How inputs and targets are normalised."""
        given = self.normalisation
        return given if isinstance(given, Sides) else Sides(inputs=given, targets=given)

    @property
    def answered(self) -> list[VariableSpec]:
        """Specs of everything that the pipeline predicts, in both directions."""
        return [*self.targets, *(self.inputs if self.both_ways else ())]

    def reversed(self) -> Self:
        """Return the configuration of the other direction."""
        turned = {"grid": self.transform.get("target_grid"), "target_grid": self.transform.get("grid")}
        return self.model_copy(
            update={
                "inputs": self.targets,
                "targets": self.inputs,
                "transform": self.transform | turned,
                "normalisation": Sides(inputs=self.sides.targets, targets=self.sides.inputs),
            }
        )
