"""A trained pipeline inside another one."""

from typing import Self

from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig


class FrozenPipeline(Pipeline):
    """A trained pipeline inside the transform of another one; it is not trained.

    Its weights come with ``parts.NAME=RUN``, where NAME is its attribute in the transform.
    """

    def __init__(self, config: PipelineConfig, context: Context | None = None) -> None:
        super().__init__(config, context)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, so that training the outer pipeline changes no batch statistics."""
        return super().train(False)
