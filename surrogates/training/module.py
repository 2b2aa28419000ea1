"""Learning module of every task: it minimises an objective."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from datasets.store.streams import OBJECTIVE
from surrogates.core.build import build
from surrogates.data.batch import Batch
from surrogates.experiment.config import TrainerConfig
from surrogates.learning.contract import Adversarial, Gradual, Objective, Watching
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.selection import grouped
from surrogates.training.ema import Average
from surrogates.training.ranks import ALONE, Ranks, Share

SEEDS = 1024  # steps whose random streams are derived at once
VALIDATION = 1 << 32  # offset of the random stream of validation batches from that of training steps

Loss = Callable[[Batch, torch.Generator], tuple[Tensor, dict[str, Tensor]]]


class LearningModule(nn.Module):
    """Minimise an objective, a step at a time.

    Every step draws from its own random stream, so a resumed run repeats an undisturbed one; the state is
    that of the pipeline, the optimiser, the average and the counters here. An adversarial objective brings a
    critic, which has a second optimiser of the same kind.

    Parameters
    ----------
    pipeline
        What is trained.
    objective
        Loss of a batch.
    settings
        Optimiser, schedule, average.
    steps
        Steps of the whole run.
    seed
        Seed of the objective's draws.
    fabric
        Device, precision, and the averaging of gradients.
    ranks
        This process among those that share each batch.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        objective: Objective,
        settings: TrainerConfig,
        steps: int,
        seed: int,
        fabric: Fabric,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__()
        self.pipeline = pipeline
        self.step = 0
        self.call: Callable[..., None] = lambda hook, *arguments: None  # the trainer's, once there is one
        self.record: Callable[[dict[str, float]], None] = lambda values: None
        self.objective, self._settings, self._seed = objective, settings, seed
        self._fabric, self._ranks = fabric, ranks
        self._gradual = objective if isinstance(objective, Gradual) else None
        self._adversary = objective if isinstance(objective, Adversarial) else None
        self.critic = None if self._adversary is None else self._adversary.critic(pipeline)
        fabric.to_device(self)
        self._loss: Loss = partial(objective, pipeline)
        if not ranks.alone:
            # The bound call: a module that stored the wrapped one would register it as a submodule. Past
            # Fabric's own wrapper, whose every call costs 0.14 ms: `autocast` does here what it would do.
            self._loss = fabric.strategy.setup_module(Share(pipeline, objective)).__call__
        self.average = Average(pipeline, settings.ema) if settings.ema else None
        self._factor = cast(Callable[[int], float], build("schedules", settings.schedule, steps=steps))
        trained = [pipeline] if self.critic is None else [pipeline, self.critic]
        self.optimisers = [self._new_optimiser(each) for each in trained]
        self._steppers = [cast(Optimizer, fabric.setup_optimizers(each)) for each in self.optimisers]
        self._base_rates = [[group["lr"] for group in each.param_groups] for each in self.optimisers]
        self._losses: dict[str, Tensor] = {}
        self._counted = 0
        self._generator = torch.Generator(fabric.device)
        self._seeds: tuple[int, np.ndarray] = (-1, np.empty(0))

    @property
    def learning_rate(self) -> float:
        """Rate of the first group of weights."""
        return float(self.optimisers[0].param_groups[0]["lr"])

    def training_step(self, batch: Batch) -> None:
        """Take one step and update the average of the weights."""
        factor = self._factor(self.step)
        for optimiser, rates in zip(self.optimisers, self._base_rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        if self._gradual is not None:
            self._gradual.step = self.step
        rng, adversary = self._rng(self.step), self._adversary
        about_critic: dict[str, Tensor] = {}
        if adversary is not None:
            with self._fabric.autocast():
                loss, about_critic = adversary.critic_loss(self.pipeline, batch, rng)
            about_critic = {"critic_loss": loss.detach(), **about_critic}
            self._descend(loss, 1)
        if adversary is None or (self.step + 1) % adversary.critic_steps == 0:
            with self._fabric.autocast():
                loss, statistics = self._loss(batch, rng)
            self._collect({"loss": loss.detach(), **statistics, **about_critic})
            self._descend(loss, 0)
            if self.average is not None:
                self.average.update()
        self.step += 1

    def validation_step(self, batch: Batch, number: int) -> tuple[dict[str, float], int]:
        """Return the sums of loss and statistics over the examples of a batch, and the number of examples.

        Parameters
        ----------
        batch
            Examples.
        number
            Index of the batch in the validation subset; it selects the random stream.
        """
        with self._fabric.autocast():
            loss, statistics = self.objective(self.pipeline, batch, self._rng(VALIDATION + number))
        examples = batch[self.pipeline.target_names[0]].shape[0]
        return {
            name: float(value) * examples for name, value in {"loss": loss.detach(), **statistics}.items()
        }, examples

    def observe(self, loss: float) -> None:
        """Tell a schedule that follows the validation loss of one."""
        if isinstance(self._factor, Watching):
            self._factor.observe(loss)

    def log(self, name: str, value: Tensor | float, **_: Any) -> None:
        """Record a scalar, as callbacks of Lightning do through their module."""
        self.record({name: float(value)})

    def take_means(self) -> dict[str, float]:
        """Return the mean loss and statistics of the steps since the last call."""
        losses = self._ranks.mean(self._losses)
        means = {name: float(total) / self._counted for name, total in losses.items()}
        self._losses, self._counted = {}, 0
        return means

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on, as tensors and plain values."""
        critic = {} if self.critic is None else self.critic.state_dict()
        return {
            "step": self.step,
            "pipeline": self.pipeline.state_dict(),
            "optimiser": self.optimisers[0].state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "losses": self._ranks.mean(self._losses),
            "counted": self._counted,
            "schedule": self._factor.state_dict() if isinstance(self._factor, Watching) else None,
            "critic": critic or None,
            "critic_optimiser": self.optimisers[1].state_dict() if critic else None,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore a state."""
        self.step = state["step"]
        if self._gradual is not None:
            self._gradual.step = self.step - 1  # a validation may follow before the next step
        self.pipeline.load_state_dict(state["pipeline"])
        _load(self.optimisers[0], state["optimiser"])
        if self._settings.ema is not None and state["average"] is None:
            self.average = Average(self.pipeline, self._settings.ema)  # from here on
        elif self.average is not None:
            self.average.load_state_dict(state["average"])
        if isinstance(self._factor, Watching) and state.get("schedule"):
            self._factor.load_state_dict(state["schedule"])
        self._losses = {name: value.to(self._fabric.device) for name, value in state["losses"].items()}
        self._counted = state["counted"]
        if self.critic is not None:
            self.critic.load_state_dict(state["critic"])
            _load(self.optimisers[1], state["critic_optimiser"])

    def final_weights(self) -> dict[str, Tensor]:
        """Return the weights to predict with: their average if there is one."""
        with self.average.applied() if self.average else nullcontext():
            return {name: value.detach().cpu().clone() for name, value in self.pipeline.state_dict().items()}

    def _descend(self, loss: Tensor, which: int) -> None:
        optimiser, stepper = self.optimisers[which], self._steppers[which]
        self.call("on_before_zero_grad", optimiser)
        optimiser.zero_grad()
        self.call("on_before_backward", loss)
        self._fabric.backward(loss)
        self.call("on_after_backward")
        self._fabric.strategy.precision.unscale_gradients(optimiser)
        self.call("on_before_optimizer_step", optimiser)
        if self._settings.gradient_clip is not None:
            own = (parameter for group in optimiser.param_groups for parameter in group["params"])
            clip_grad_norm_(own, self._settings.gradient_clip)
        stepper.step()

    def _new_optimiser(self, module: nn.Module) -> Optimizer:
        groups = self._settings.groups if module is self.pipeline else {}
        trainable: list[Any] = [each for each in module.parameters() if each.requires_grad]
        if groups:
            own = {id(each) for each in self.pipeline.network.parameters()}
            rest = [each for each in trainable if id(each) not in own]
            trainable = [*grouped(self.pipeline.network, groups), *([{"params": rest}] if rest else [])]
        fused = self._settings.precision != "16" or None
        optimiser = build("optimisers", self._settings.optimiser, parameters=trainable, fused=fused)
        return cast(Optimizer, optimiser)

    def _rng(self, draw: int) -> torch.Generator:
        """Seed the global generator (dropout) and return one for the objective."""
        block, index = divmod(draw, SEEDS)
        if self._seeds[0] != block:
            others = (self._ranks.rank,) if self._ranks.rank else ()  # each process has examples of its own
            sequence = np.random.SeedSequence(self._seed, spawn_key=(OBJECTIVE, block, *others))
            self._seeds = (block, sequence.generate_state(2 * SEEDS, np.uint64).reshape(SEEDS, 2))
        first, second = self._seeds[1][index]
        torch.default_generator.manual_seed(int(first))
        if self._generator.device.type == "cuda":
            torch.cuda.manual_seed(int(first))
        return self._generator.manual_seed(int(second))

    def _collect(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self._losses[name] = self._losses[name] + value if name in self._losses else value
        self._counted += 1


def _load(optimiser: Optimizer, state: dict[str, Any]) -> None:
    """Restore what an optimiser has gathered; its settings stay those of the configuration."""
    own = [
        {key: value for key, value in group.items() if key != "params"} for group in optimiser.param_groups
    ]
    optimiser.load_state_dict(state)
    for group, settings in zip(optimiser.param_groups, own, strict=True):
        group.update(settings)
