"""The one LightningModule: it drives an objective and knows no task."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from inspect import signature
from typing import Any, Protocol, cast

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from datasets.store.streams import OBJECTIVE
from surrogates.core.build import build
from surrogates.data.batch import Batch
from surrogates.experiment.config import TrainerConfig
from surrogates.learning.contract import Adversarial, Gradual, Objective
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.selection import grouped
from surrogates.training.ema import Average
from surrogates.training.ranks import ALONE, Loss, Ranks

SEEDS = 1024  # steps whose random streams are derived at once
VALIDATION = 1 << 32  # offset of the random stream of validation batches from that of training steps

_PLAIN = (int, float, str, bool, type(None))


class Keeper(Protocol):
    """What watches a run from outside."""

    def begin(self, trainer: Trainer, module: "LearningModule") -> None:
        """Before the first step."""

    def after_step(self, trainer: Trainer, module: "LearningModule") -> None:
        """After each step."""

    def after_validation(self, trainer: Trainer, module: "LearningModule") -> None:
        """After each validation."""


class LearningModule(LightningModule):
    """Minimise an objective.

    Every step draws from its own random stream, so a resumed run repeats an undisturbed one; the state is
    that of the pipeline, the optimiser, the average and the counters here. An adversarial objective brings a
    critic, which has a second optimiser of the same kind.

    Parameters
    ----------
    pipeline
        What is trained.
    objective
        Loss of a batch.
    trainer_config
        Optimiser, schedule, average, logging.
    steps
        Steps of the whole run.
    seed
        Seed of the objective's draws.
    ranks
        This process among those that share each batch.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        objective: Objective,
        trainer_config: TrainerConfig,
        steps: int,
        seed: int,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__()
        # Lightning's automatic optimisation costs a third of a millisecond a step in closures and hooks.
        self.automatic_optimization = False
        self.pipeline = pipeline
        self.objective = objective
        self.average = Average(pipeline, trainer_config.ema) if trainer_config.ema else None
        self.keeper: Keeper | None = None  # called from here: a Lightning callback costs 0.1 ms a step
        self.step = 0
        self.validation_loss = float("nan")
        self.validated: Sequence[int] = range(0)  # numbers of the validation batches of this process
        self._ranks = ranks
        self._loss: Loss | None = None
        self._settings = trainer_config
        self._seed = seed
        self._factor = cast(Callable[[int], float], build("schedules", trainer_config.schedule, steps=steps))
        self._optimiser = self._new_optimiser(pipeline)
        self._gradual = objective if isinstance(objective, Gradual) else None
        self._adversary = objective if isinstance(objective, Adversarial) else None
        self.critic = None if self._adversary is None else self._adversary.critic(pipeline)
        self._critic_optimiser = None if self.critic is None else self._new_optimiser(self.critic)
        made = (self._optimiser, self._critic_optimiser)
        self._base_rates = [[group["lr"] for group in each.param_groups] for each in made if each is not None]
        self._losses: dict[str, Tensor] = {}
        self._counted = 0
        self._validation: dict[str, float] = {}
        self._examples = 0
        self._generator: torch.Generator | None = None
        self._seeds: tuple[int, np.ndarray] = (-1, np.empty(0))

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a plain number or word without a module's search for parameters: Lightning does it often."""
        if type(value) in _PLAIN and name in self.__dict__:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def on_fit_start(self) -> None:
        """Restore a state, now that everything is on its device."""
        if self.keeper is not None:
            self.keeper.begin(self.trainer, self)

    def on_train_batch_end(self, *_: object) -> None:
        """Report a step to the keeper."""
        if self.keeper is not None:
            self.keeper.after_step(self.trainer, self)

    def on_validation_end(self) -> None:
        """Report a validation to the keeper."""
        if self.keeper is not None:
            self.keeper.after_validation(self.trainer, self)

    def configure_optimizers(self) -> list[Optimizer]:
        """Return the optimisers; their rate is set in `training_step`."""
        return [each for each in (self._optimiser, self._critic_optimiser) if each is not None]

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch, which holds nothing but tensors."""
        if device.type == "cpu":
            return batch
        return {name: value.to(device, non_blocking=True) for name, value in batch.items()}

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Take one step, take the new weights into the average, count and log."""
        optimisers = self._optimisers()
        factor = self._factor(self.step)
        for optimiser, rates in zip(optimisers, self._base_rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
        if self._gradual is not None:
            self._gradual.step = self.step
        if self._loss is None:
            self._loss = self._ranks.loss(self.pipeline, self.objective, batch)
        rng, adversary = self._rng(self.step), self._adversary
        about_critic: dict[str, Tensor] = {}
        if adversary is not None:
            loss, about_critic = adversary.critic_loss(self.pipeline, batch, rng)
            about_critic = {"critic_loss": loss.detach(), **about_critic}
            self._descend(loss, optimisers[1])
        if adversary is None or (self.step + 1) % adversary.critic_steps == 0:
            loss, statistics = self._loss(batch, rng)
            self._collect({"loss": loss.detach(), **statistics, **about_critic})
            self._descend(loss, optimisers[0])
            if self.average is not None:
                self.average.update()
        self.step += 1
        if self.step % self._settings.log_every == 0:
            self._log_training()

    def _optimisers(self) -> list[LightningOptimizer]:
        """Return the optimisers as Lightning wraps them: the pipeline's, then the critic's."""
        found = self.optimizers()
        return found if isinstance(found, list) else [found]

    def _descend(self, loss: Tensor, optimiser: LightningOptimizer) -> None:
        optimiser.zero_grad()
        if self._settings.precision == "16":
            self.manual_backward(loss)  # scales the loss
        else:
            loss.backward()  # on one device there is nothing else to do, and Lightning's hooks cost 0.03 ms
        optimiser.step()

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip the gradient, which has its true scale here at every precision."""
        if self._settings.gradient_clip is not None:
            own = (parameter for group in optimizer.param_groups for parameter in group["params"])
            clip_grad_norm_(own, self._settings.gradient_clip)

    def on_validation_start(self) -> None:
        """Validate the averaged weights."""
        if self.average is not None:
            self.average.swap()
        self._ranks.take_buffers(self.pipeline)
        self._validation, self._examples = {}, 0

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to the means of the loss and the statistics."""
        loss, statistics = self.objective(
            self.pipeline, batch, self._rng(VALIDATION + self.validated[batch_idx])
        )
        examples = batch[self.pipeline.target_names[0]].shape[0]
        for name, value in {"loss": loss, **statistics}.items():
            self._validation[name] = self._validation.get(name, 0.0) + float(value) * examples
        self._examples += examples

    def on_validation_epoch_end(self) -> None:
        """Log the means and go back to the live weights."""
        parts = self._ranks.gather((self._validation, self._examples))
        examples = sum(count for _, count in parts)
        means = {name: sum(sums[name] for sums, _ in parts) / examples for name in self._validation}
        self.validation_loss = means["loss"]
        self._write({f"validation/{name}": value for name, value in means.items()})
        if self.average is not None:
            self.average.swap()

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on, as tensors and plain values."""
        return {
            "step": self.step,
            "pipeline": self.pipeline.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "losses": self._ranks.mean(self._losses),
            "counted": self._counted,
            "critic": None if self.critic is None else self.critic.state_dict(),
            "critic_optimiser": self._critic_optimiser.state_dict() if self._critic_optimiser else None,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a state; call it when the module is on its device."""
        self.step = state["step"]
        self.pipeline.load_state_dict(state["pipeline"])
        self._optimiser.load_state_dict(state["optimiser"])
        if self.average is not None and state["average"] is not None:
            self.average.load_state_dict(state["average"])
        self._losses = {name: value.to(self.device) for name, value in state["losses"].items()}
        self._counted = state["counted"]
        if self.critic is not None and self._critic_optimiser is not None:
            self.critic.load_state_dict(state["critic"])
            self._critic_optimiser.load_state_dict(state["critic_optimiser"])

    def final_weights(self) -> dict[str, Tensor]:
        """Return the pipeline's weights as they should be used: the average where there is one."""
        with self.average.applied() if self.average else nullcontext():
            return {name: value.detach().cpu().clone() for name, value in self.pipeline.state_dict().items()}

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
        block, place = divmod(draw, SEEDS)
        if self._seeds[0] != block:
            others = (self._ranks.rank,) if self._ranks.rank else ()  # each process has examples of its own
            sequence = np.random.SeedSequence(self._seed, spawn_key=(OBJECTIVE, block, *others))
            self._seeds = (block, sequence.generate_state(2 * SEEDS, np.uint64).reshape(SEEDS, 2))
        first, second = self._seeds[1][place]
        torch.default_generator.manual_seed(int(first))
        if self.device.type == "cuda":
            torch.cuda.manual_seed(int(first))
        if self._generator is None or self._generator.device.type != self.device.type:
            self._generator = torch.Generator(self.device)
        return self._generator.manual_seed(int(second))

    def _collect(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self._losses[name] = self._losses[name] + value if name in self._losses else value
        self._counted += 1

    def _log_training(self) -> None:
        losses = self._ranks.mean(self._losses)
        means = {name: float(total) / self._counted for name, total in losses.items()}
        self._losses, self._counted = {}, 0
        rate = self._optimiser.param_groups[0]["lr"]
        self._write({**{f"train/{name}": value for name, value in means.items()}, "learning_rate": rate})

    def _write(self, values: dict[str, float]) -> None:
        for logger in self.loggers:
            cast(Logger, logger).log_metrics(values, step=self.step)


# Lightning asks for this signature in every step, and Python would work it out anew.
LearningModule.training_step.__signature__ = signature(LearningModule.training_step)  # type: ignore[attr-defined]
