"""Networks that answer in both directions: what the two pipelines share, and what cannot be turned round."""

from typing import NamedTuple, Protocol, cast, runtime_checkable

from torch import Tensor, nn

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.learning.heads import Head, Point
from surrogates.learning.normaliser import Normaliser, Several, Whitening
from surrogates.learning.pipeline_config import PipelineConfig


@runtime_checkable
class Reversible(Protocol):
    """A network that also answers its inputs for given outputs."""

    def reverse(self, channels: Tensor) -> Tensor:
        """Return the inputs, (batch, input channel, *grid), for (batch, output channel, *target_grid)."""


class Shared(NamedTuple):
    """What the two directions of a pipeline share."""

    network: nn.Module
    input_normaliser: Normaliser | Whitening | Several
    target_normaliser: Normaliser | Whitening


class Reverse(nn.Module):
    """A network with its two directions exchanged.

    Parameters
    ----------
    network
        Has a method ``reverse``.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, channels: Tensor) -> Tensor:
        """Return the network's `reverse`."""
        return cast(Reversible, self.network).reverse(channels)

    def reverse(self, channels: Tensor) -> Tensor:
        """Return the network's `forward`."""
        return cast(Tensor, self.network(channels))


def require_both_ways(network: nn.Module, head: Head, config: PipelineConfig) -> None:
    """Refuse what cannot be turned round: the channels of each side must be only its variables.

    Parameters
    ----------
    network, head
        Of the pipeline.
    config
        Its own, with every default filled in.

    Raises
    ------
    ConfigError
        Names what does not fit.
    """
    if not isinstance(network, Reversible):
        raise ConfigError(
            f"task.both_ways: the network '{config.network['name']}' has one direction; take one that can be "
            "reversed, such as invertible_x_net"
        )
    fixed = [spec.name for spec in config.inputs if config.record_dimension not in spec.dims]
    missing = [spec.name for spec in config.inputs if spec.missing]
    stacked = config.transform["name"] == "stack" and config.transform["scale_by"] is None
    if not stacked or not isinstance(head, Point) or fixed or missing:
        raise ConfigError(
            "task.both_ways needs the transform 'stack' without scale_by, the head 'point', and inputs "
            "that vary with the record and are never missing; found "
            f"transform '{config.transform['name']}', head '{config.head['name']}', "
            f"inputs that do not vary: {listing(fixed)}, may be missing: {listing(missing)}"
        )
