"""The losses of VelocityGAN: pixels and a critic for the network, the Wasserstein distance for the critic."""

from typing import Any, cast

import torch
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from surrogates.core.build import build
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.domains.seismic.translation import error
from surrogates.learning.context import Context
from surrogates.learning.contract import Objective
from surrogates.learning.objectives import cell_weights, hide, require_shape
from surrogates.learning.pipeline import Pipeline


class Wasserstein(Objective):
    """Absolute and squared error, minus a critic's value of the answer [1]_.

    The critic learns higher values for real fields than for answers, with a penalty on the length of its
    gradient in between [2]_. Outside training only the errors count: values of one critic cannot be
    compared with those of an earlier one.

    Parameters
    ----------
    context
        Context of the data.
    l1, l2
        Weights of the absolute and of the squared error of the normalised answer.
    adversarial
        Weight of the critic.
    penalty
        Weight of the critic's gradient penalty.
    critic_steps
        Steps of the critic for each step of the network.
    critic
        Network that maps a field to a number.

    References
    ----------
    .. [1] Z. Zhang, Y. Wu, Z. Zhou, Y. Lin, "VelocityGAN: Subsurface velocity image estimation using
       conditional adversarial networks", WACV 2019; weights as in the OpenFWI benchmark, arXiv:2111.02926.
    .. [2] I. Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017, arXiv:1704.00028.
    """

    def __init__(
        self,
        context: Context,
        l1: NonNegativeFloat = 100.0,
        l2: NonNegativeFloat = 100.0,
        adversarial: NonNegativeFloat = 1.0,
        penalty: NonNegativeFloat = 10.0,
        critic_steps: PositiveInt = 5,
        critic: dict[str, Any] | None = None,
    ) -> None:
        self._l1, self._l2, self._adversarial, self._penalty = l1, l2, adversarial, penalty
        self.critic_steps, self._mask = critic_steps, context.mask_name
        self._node = critic or {"name": "velocity_critic"}
        self._critic: nn.Module | None = None

    def critic(self, pipeline: Pipeline) -> nn.Module:
        """Return the critic; build it on first use."""
        if self._critic is None:
            layout = pipeline.layout
            if len(layout.grid_shape) != 2:
                raise ConfigError(
                    f"objective 'wasserstein': the targets' grid is {layout.grid}, but the critic looks at "
                    "images; give targets with two dimensions, and task.transform.target_grid"
                )
            context = {"in_channels": layout.channels, "in_shape": layout.grid_shape}
            self._critic = cast(nn.Module, build("models", self._node, **context))
        return self._critic

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the network's loss, the error in it, and in training the critic's value."""
        critic = self.critic(pipeline)
        answer, target, weight = self._fields(pipeline, batch)
        pixels = error(answer, target, weight, self._l1, self._l2)
        if not pipeline.training:
            return pixels, {"error": pixels.detach()}
        opinion = critic(answer).float().mean()
        terms = {"error": pixels.detach(), "critic_of_answers": opinion.detach()}
        return pixels - self._adversarial * opinion, terms

    def critic_loss(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the critic's loss, and the Wasserstein distance that it sees."""
        critic = self.critic(pipeline)
        with torch.no_grad():
            answer, target, _ = self._fields(pipeline, batch)
        distance = critic(target).float().mean() - critic(answer).float().mean()
        between = torch.rand(len(answer), *[1] * (answer.ndim - 1), generator=rng, device=answer.device)
        mixed = torch.lerp(answer, target, between).requires_grad_()
        with torch.autocast(answer.device.type, enabled=False):  # half precision loses small gradients
            (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        return self._penalty * penalty - distance, {"wasserstein": distance.detach()}

    def _fields(self, pipeline: Pipeline, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return answer, targets and the weight of each cell; 0 in both fields where nothing counts."""
        features = pipeline.features(batch)
        answer, target = pipeline.normalised(features), pipeline.normalised_targets(batch, features)
        require_shape(pipeline, answer, target)
        cells = cell_weights(pipeline, batch, target, self._mask)
        answer, target = hide(cells, answer, target)
        return answer, target, (torch.ones_like(target) if cells is None else cells.expand_as(target))
