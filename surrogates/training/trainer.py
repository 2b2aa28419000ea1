"""The loop of a run: steps, validations, and the hooks of its callbacks."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.pytorch import Callback
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.data.loader import BatchLoader
from surrogates.experiment.config import TrainerConfig
from surrogates.training.logs import CurveLogger
from surrogates.training.module import LearningModule
from surrogates.training.ranks import ALONE, Ranks, evaluating
from surrogates.training.signals import Signals, Stopped

HOOKS = (
    "setup",
    "teardown",
    "on_fit_start",
    "on_fit_end",
    "on_train_start",
    "on_train_end",
    "on_train_epoch_start",
    "on_train_epoch_end",
    "on_train_batch_start",
    "on_train_batch_end",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_validation_start",
    "on_validation_epoch_start",
    "on_validation_batch_start",
    "on_validation_batch_end",
    "on_validation_epoch_end",
    "on_validation_end",
    "on_save_checkpoint",
    "on_load_checkpoint",
    "on_exception",
)
"""Lightning's hooks that a run calls, with Lightning's arguments."""


class Trainer:
    """Train and validate in turn; callbacks see the names of Lightning's trainer.

    The loop is ours, on Fabric: with Lightning's own a step of 1 ms takes 1.3 to 1.4 ms.

    Parameters
    ----------
    fabric
        Device, precision, processes.
    settings
        The ``trainer`` section of the configuration.
    callbacks, loggers
        All processes have the callbacks; only the first has loggers.
    max_steps
        Steps of the whole run.
    every
        Steps between validations.
    signals
        What the user or SLURM asks for.
    ranks
        This process among those that share each batch.

    Attributes
    ----------
    should_stop
        A callback sets it to end the run after the step in hand, with a validation.
    is_logging_step
        Whether the step in hand is one of those that the loss curve shows.
    callback_metrics
        The last value of everything logged, as tensors.
    """

    sanity_checking = fast_dev_run = False
    check_val_every_n_epoch = None

    def __init__(
        self,
        fabric: Fabric,
        settings: TrainerConfig,
        callbacks: Sequence[object],
        loggers: Sequence[Any],
        max_steps: int,
        every: int,
        signals: Signals,
        ranks: Ranks = ALONE,
    ) -> None:
        self.callbacks, self.loggers = list(callbacks), list(loggers)
        self.max_steps, self.val_check_interval = max_steps, every
        self.should_stop = self.is_logging_step = False
        self.callback_metrics: dict[str, Tensor] = {}
        self.fabric, self.strategy = fabric, fabric.strategy
        self.global_rank, self.world_size, self.is_global_zero = ranks.rank, ranks.size, ranks.first
        self.state = SimpleNamespace(fn=TrainerFn.FITTING)
        self.validated = 0
        self._settings, self._ranks, self._signals = settings, ranks, signals
        self._pending: dict[str, float] = {}
        self._hooks = {hook: list(overriding(self.callbacks, hook)) for hook in HOOKS}

    @property
    def global_step(self) -> int:
        """Number of finished steps."""
        return self.lightning_module.step

    @property
    def current_epoch(self) -> int:
        """Whole passes over the training subset."""
        return self.global_step // len(self.train_dataloader)

    @property
    def optimizers(self) -> list[torch.optim.Optimizer]:
        """The optimisers: of the pipeline, then of a critic."""
        return self.lightning_module.optimisers

    @property
    def logger(self) -> Any:
        """The first logger."""
        return next(iter(self.loggers), None)

    def fit(self, module: LearningModule, train: BatchLoader, validation: BatchLoader | None) -> None:
        """Run all steps that remain.

        Parameters
        ----------
        module
            What takes them.
        train, validation
            Loaders; the validation may be missing.

        Raises
        ------
        Stopped
            When a signal came: the step in hand was finished and its state saved.
        """
        self.lightning_module, self.train_dataloader, self.val_dataloaders = module, train, validation
        module.call, module.record = self.call, self.log
        with self._signals.deferred(), deterministic() if self._settings.deterministic else nullcontext():
            try:
                self.call("setup", "fit")
                self.call("on_fit_start")
                self.call("on_train_start")
                self._run(module, train)
                self.call("on_train_end")
                self.call("on_fit_end")
            except BaseException as error:
                self._tell(error)
                self._finalize("failed")
                raise
        self.call("teardown", "fit")
        self._finalize("success")

    def log(self, values: Mapping[str, float], *, again: bool = False) -> None:
        """Record scalars at the present step; names are `train/...`, `validation/...` or your own.

        Parameters
        ----------
        values
            By name.
        again
            Whether the loggers have them already, as when a run is resumed.
        """
        if not again:
            self._pending.update(values)
        exact = {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}
        self.callback_metrics.update(exact)

    def flush(self) -> None:
        """Hand the loggers what was recorded at the present step."""
        if self._pending:
            self._record(lambda logger: logger.log_metrics(self._pending, step=self.global_step))
            self._pending = {}

    @property
    def due(self) -> bool:
        """Whether a validation follows the step that is done."""
        step = self.global_step
        return step % self.val_check_interval == 0 or step == self.max_steps or self.should_stop

    def _run(self, module: LearningModule, train: BatchLoader) -> None:
        length, log_every = len(train), self._settings.log_every
        batches = _endless(train)
        if module.step and self.due:  # a signal came before the validation
            self._validate(module)
        while module.step < self.max_steps and not self.should_stop:
            batch, number = self._to_device(next(batches)), module.step % length
            if number == 0:
                self.call("on_train_epoch_start")
            self.call("on_train_batch_start", batch, number)
            module.training_step(batch)
            self.is_logging_step = module.step % log_every == 0
            if self.is_logging_step:
                means = {f"train/{name}": value for name, value in module.take_means().items()}
                self.log({**means, "learning_rate": module.learning_rate})
            self.call("on_train_batch_end", None, batch, number)
            if number == length - 1:
                self.call("on_train_epoch_end")
            self.flush()
            self._answer()
            if self.due:
                self._validate(module)
                self._answer()

    def _validate(self, module: LearningModule) -> None:
        """Validate the averaged weights, unless this step is validated already."""
        loader = self.val_dataloaders
        if loader is None or self.validated == module.step:
            return
        self.call("on_validation_start")
        self.call("on_validation_epoch_start")
        sums: dict[str, float] = {}
        examples = 0
        average = module.average.applied() if module.average else nullcontext()
        differentiates = module.objective.needs_gradients
        without = torch.enable_grad() if differentiates else torch.inference_mode()
        with evaluating(module), average, without:
            self._ranks.take_buffers(module.pipeline)
            for number, batch in zip(loader.numbers, map(self._to_device, loader), strict=True):
                self.call("on_validation_batch_start", batch, number)
                terms, count = module.validation_step(batch, number)
                sums = {name: sums.get(name, 0.0) + value for name, value in terms.items()}
                examples += count
                self.call("on_validation_batch_end", None, batch, number)
                if self._signals.noted:
                    break
        gathered = self._ranks.gather((sums, examples))
        self._answer()  # a resumed run makes up for the validation
        total = sum(count for _, count in gathered)
        self.log({f"validation/{name}": sum(each[name] for each, _ in gathered) / total for name in sums})
        module.observe(float(self.callback_metrics["validation/loss"]))
        self.validated = module.step
        self.call("on_validation_epoch_end")
        self.call("on_validation_end")
        self.flush()

    def _answer(self) -> None:
        """Let the processes agree on whether a callback or a signal ends the run."""
        number, stop = self._ranks.largest(self._signals.noted, int(self.should_stop))
        self.should_stop = bool(stop)
        if number:
            self._signals.noted = 0
            raise Stopped(number, self.global_step)

    def _to_device(self, batch: Batch) -> Batch:
        device = self.fabric.device
        if device.type == "cpu":
            return batch
        ahead = device.type == "cuda"  # Apple's devices may read before the copy is there
        return {name: value.to(device, non_blocking=ahead) for name, value in batch.items()}

    def call(self, hook: str, *arguments: Any) -> None:
        """Call a hook of all callbacks that have it.

        Raises
        ------
        ConfigError
            When one asks for what our trainer or module lacks.
        """
        for each in self._hooks[hook]:
            try:
                each(self, self.lightning_module, *arguments)
            except AttributeError as error:
                if error.obj not in (self, self.lightning_module):
                    raise
                owner, asked = type(getattr(each, "__self__", each)).__name__, type(error.obj).__name__
                raise ConfigError(
                    f"the callback {owner} asks in {hook} for '{error.name}', which our {asked} does not "
                    "have; see what it has in `surrogates.training.trainer`, or leave the callback out"
                ) from error

    def _finalize(self, status: str) -> None:
        self.flush()
        self._record(lambda logger: logger.finalize(status))

    def _record(self, work: Callable[[Any], None]) -> None:
        """Call every logger; drop a service that fails, with a warning."""
        for logger in list(self.loggers):
            try:
                work(logger)
            except Exception as error:
                if isinstance(logger, CurveLogger):  # ours: the report and a resumed run need it
                    raise
                self.loggers.remove(logger)
                warnings.warn(
                    f"{type(logger).__name__} failed and records no more: {error}",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def _tell(self, error: BaseException) -> None:
        """Pass an error to the callbacks, the checkpoint first; a failure in one does not hide the error."""
        for each in reversed(self._hooks["on_exception"]):
            try:
                each(self, self.lightning_module, error)
            except Exception as second:
                if getattr(each, "__self__", None) is self.callbacks[-1]:
                    raise
                error.add_note(f"and then in on_exception: {second}")


def overriding(callbacks: Sequence[object], hook: str) -> Iterator[Callable[..., None]]:
    """Yield the hooks that callbacks override; those of Lightning's base class do nothing."""
    for each in callbacks:
        if getattr(type(each), hook, None) not in (None, getattr(Callback, hook)):
            yield getattr(each, hook)


def _endless(loader: BatchLoader) -> Iterator[Batch]:
    while True:
        yield from loader


@contextmanager
def deterministic() -> Iterator[None]:
    """Refuse kernels that are not deterministic, for a while."""
    before = torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS refuses
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
