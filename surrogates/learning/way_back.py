"""The way back of a pipeline: from normalised answers to physical units."""

from dataclasses import dataclass

from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.learning.normaliser import Normaliser, Whitening
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.transform import Features


@dataclass(frozen=True)
class Back:
    """Denormalise, link, offset; what a head is handed as its `surrogates.learning.heads.WayBack`.

    Attributes
    ----------
    normaliser
        Of the targets.
    features
        With the link and the offset of a batch.
    config
        Of the pipeline, for messages.
    """

    normaliser: Normaliser | Whitening
    features: Features
    config: PipelineConfig

    def value(self, normalised: Tensor) -> Tensor:
        """Return values."""
        answer = self.normaliser.inverse(normalised)
        if self.features.link is not None:
            answer = self.features.link.decode(answer)
        return answer if self.features.offset is None else answer + self.features.offset

    def deviation(self, normalised: Tensor) -> Tensor:
        """Return standard deviations."""
        spread = self.normaliser.stretch(normalised)
        return spread if self.features.link is None else self.features.link.deviation(spread)

    def require_ordered(self, head: str) -> None:
        """Refuse a way back that mixes cells or channels."""
        if self.features.link is not None or isinstance(self.normaliser, Whitening):
            raise ConfigError(
                f"head '{head}': quantiles do not pass through the transform "
                f"'{self.config.transform['name']}' with normalisation '{self.config.sides.targets}', which "
                "mixes values; take the head 'gaussian', or another transform or normalisation"
            )
