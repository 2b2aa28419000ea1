"""A trained pipeline as a part of another one."""

from typing import Self

from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig


class FrozenPipeline(Pipeline):
    """A trained pipeline inside the transform of another one: it is asked, never trained.

    Its weights come with ``parts.NAME=RUN``, where NAME is its attribute in the transform.
    """

    def __init__(self, config: PipelineConfig, context: Context | None = None) -> None:
        super().__init__(config, context)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation: batch statistics of the other pipeline's training must not move it."""
        return super().train(False)
