"""Several processes that train one model: who starts them, who they are, how they agree.

The processes of one machine are started here, or all of them by `torchrun`. Each one opens the run for
itself; the batch of a step is shared, gradients are averaged, and the first process alone writes.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import IO, Any, TypeVar, cast

import torch
from torch import Tensor, distributed, nn
from torch.distributed import PrefixStore, TCPStore
from torch.nn.parallel import DistributedDataParallel

from surrogates.core.errors import ConfigError
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.protocols import Batch, Objective
from surrogates.learning.ranks import shared_batch
from surrogates.training.config import TrainerConfig

PATIENCE = timedelta(hours=2)  # the others wait while the first fits normalisers to a large data set
HERE = "127.0.0.1"
POLL = 0.02  # s
FOLLOW = "from surrogates.training.ranks import follow; follow()"

Answer = TypeVar("Answer")
Loss = Callable[[Batch, torch.Generator], tuple[Tensor, dict[str, Tensor]]]


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes
    ----------
    rank, size
        Its number, and how many there are.
    local
        Its number on this machine: that of its GPU.
    """

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no group, and so nothing to agree on."""
        return not distributed.is_initialized()

    def agree(self, decide: Callable[[], Answer]) -> Answer:
        """Return what the first process decides."""
        if self.alone:
            return decide()
        answer = [decide() if self.first else None]
        distributed.broadcast_object_list(answer)
        return cast(Answer, answer[0])

    def gather(self, value: Answer) -> list[Answer]:
        """Return what every process has, in their order."""
        if self.alone:
            return [value]
        found: list[Any] = [None] * self.size
        distributed.all_gather_object(found, value)
        return found

    def mean(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean of scalars over the processes."""
        if self.alone or not values:
            return dict(values)
        stacked = torch.stack([value.detach() for value in values.values()])
        distributed.all_reduce(stacked)
        return dict(zip(values, stacked / self.size, strict=True))

    def take_buffers(self, module: nn.Module) -> None:
        """Take the buffers of the first process: the statistics of batch normalisation differ a little."""
        if not self.alone:
            for buffer in module.buffers():
                distributed.broadcast(buffer, 0)

    def loss(self, pipeline: Pipeline, objective: Objective, batch: Batch) -> Loss:
        """Return the objective; in a group its backward pass averages the gradients.

        On GPUs batch normalisation takes its statistics over the whole batch; torch has no such kernel for
        CPUs, where every process normalises by its own share.

        Parameters
        ----------
        pipeline, objective
            What is trained, and to what end.
        batch
            Any batch; it shows whether the loss depends on every weight.
        """
        if self.alone:
            return partial(objective, pipeline)
        # Looking for weights without a gradient in every step costs time that most networks need not spend.
        idle = self.agree(lambda: not _depends_on_all(pipeline, objective, batch))
        if next(pipeline.parameters()).device.type == "cuda":
            pipeline.network = nn.SyncBatchNorm.convert_sync_batchnorm(pipeline.network)
        # Its bound call, not itself: a module that keeps it would take it for a part of its own.
        step = _Step(pipeline, objective)
        return DistributedDataParallel(step, find_unused_parameters=idle).__call__


ALONE = Ranks()


def _depends_on_all(pipeline: Pipeline, objective: Objective, batch: Batch) -> bool:
    """Whether every weight gets a gradient: the second decoder of a network that is used one way does not."""
    weights = [parameter for parameter in pipeline.parameters() if parameter.requires_grad]
    training = pipeline.training
    pipeline.eval()  # statistics of batch normalisation stay as they are
    loss, _ = objective(pipeline, batch, torch.Generator(weights[0].device).manual_seed(0))
    pipeline.train(training)
    return all(each is not None for each in torch.autograd.grad(loss, weights, allow_unused=True))


class _Step(nn.Module):
    """Objective and pipeline as one module, whose call the gradient averaging wraps."""

    def __init__(self, pipeline: Pipeline, objective: Objective) -> None:
        super().__init__()
        self.pipeline, self._objective = pipeline, objective

    def forward(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of this process's share, and scalars to log."""
        with shared_batch():
            return self._objective(self.pipeline, batch, rng)


@contextmanager
def together(settings: TrainerConfig, call: str, arguments: Mapping[str, Any]) -> Iterator[Ranks]:
    """Train in as many processes as the configuration says; yield who this one is.

    Parameters
    ----------
    settings
        The ``trainer`` part of the configuration.
    call, arguments
        Function of `surrogates.training.run`, and its plain arguments, that the other processes of this
        machine call to come here too.

    Raises
    ------
    ConfigError
        When `torchrun` started another number of processes, or another process of the group has failed.
    """
    if distributed.is_initialized():  # started by the first process of this machine
        yield Ranks(distributed.get_rank(), distributed.get_world_size(), distributed.get_rank())
    elif "TORCHELASTIC_RUN_ID" in os.environ:
        with _threads(settings), _launched(settings) as ranks:
            yield ranks
    elif settings.num_nodes > 1:
        raise ConfigError(
            f"trainer.num_nodes is {settings.num_nodes}: start the processes of several machines with "
            f"torchrun, on each one `torchrun --nnodes={settings.num_nodes} "
            f"--nproc-per-node={settings.devices} --rdzv-backend=c10d --rdzv-endpoint=HOST:PORT "
            "-m surrogates.train ...`"
        )
    elif settings.devices == 1 and settings.strategy == "auto":
        yield ALONE
    else:
        with _threads(settings), _started(settings, call, arguments) as ranks:
            yield ranks


@contextmanager
def _launched(settings: TrainerConfig) -> Iterator[Ranks]:
    """Join the group of the processes that `torchrun` has started."""
    expected, found = settings.devices * settings.num_nodes, int(os.environ["WORLD_SIZE"])
    if found != expected:
        raise ConfigError(
            f"torchrun started {found} processes, but trainer.devices={settings.devices} and "
            f"trainer.num_nodes={settings.num_nodes} make {expected}; let them agree"
        )
    local = int(os.environ["LOCAL_RANK"])
    _choose_gpu(settings, local)
    distributed.init_process_group(backend_of(settings), timeout=PATIENCE)
    try:
        yield Ranks(distributed.get_rank(), found, local)
    finally:
        distributed.destroy_process_group()


@contextmanager
def _started(settings: TrainerConfig, call: str, arguments: Mapping[str, Any]) -> Iterator[Ranks]:
    """Start the other processes of this machine and be their first."""
    size = settings.devices
    store = TCPStore(HERE, 0, size, is_master=True, wait_for_workers=False, timeout=PATIENCE)
    others = [
        _start({"rank": rank, "port": store.port, "settings": settings.model_dump(mode="json"),
                "call": call, "arguments": arguments})
        for rank in range(1, size)
    ]  # fmt: skip
    try:
        while not store.check([f"here/{rank}" for rank in range(1, size)]):
            if any(other.poll() for other in others):
                raise RuntimeError("a process ended before it joined the group")
            time.sleep(POLL)
        _join(settings, store, 0)
        yield Ranks(0, size, 0)
        for other in others:
            other.wait()
    except RuntimeError as error:  # torch's word when the connection to another process is lost
        _explain(others, store, error)
        raise
    finally:
        for other in others:
            cast(IO[str], other.stdin).close()  # those that still run end with it
            other.wait()
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _start(order: Mapping[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FOLLOW]
    # Python puts the current folder first on the path with -c; what this process can import counts as well.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    other = subprocess.Popen(
        command, stdin=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    stdin = cast(IO[str], other.stdin)
    stdin.write(json.dumps(order) + "\n")
    stdin.flush()
    return other


def _explain(others: Sequence[subprocess.Popen[str]], store: TCPStore, error: RuntimeError) -> None:
    """Raise one error with the words of the process that failed first, if one did."""
    deadline = time.monotonic() + 5.0  # its end is noticed here a little after its connection
    while time.monotonic() < deadline:
        for rank, other in enumerate(others, start=1):
            if other.poll():
                key = f"words/{rank}"
                words = store.get(key).decode() if store.check([key]) else f"status {other.returncode}"
                raise ConfigError(
                    f"process {rank + 1} of {len(others) + 1} ended: {words}; go on from the last checkpoint "
                    "with run=DIR, with other trainer.devices if need be"
                ) from error
        time.sleep(POLL)


def follow() -> None:
    """Do what the first process says on standard input; end when it does."""
    from surrogates.training import run

    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_first, daemon=True).start()
    settings = TrainerConfig.model_validate(order["settings"])
    store = TCPStore(HERE, order["port"], settings.devices, is_master=False, timeout=PATIENCE)
    store.set(f"here/{order['rank']}", "")
    try:
        with _threads(settings):
            _join(settings, store, order["rank"])
            getattr(run, order["call"])(**order["arguments"])
            distributed.destroy_process_group()
    except Exception as error:
        store.set(f"words/{order['rank']}", " ".join(str(error).split()))  # the first process says it
        sys.exit(2)


def _end_with_first() -> None:
    sys.stdin.read()
    os._exit(1)


def _join(settings: TrainerConfig, store: TCPStore, rank: int) -> None:
    _choose_gpu(settings, rank)
    distributed.init_process_group(
        backend_of(settings),
        store=PrefixStore("run", store),
        rank=rank,
        world_size=settings.devices,
        timeout=PATIENCE,
    )


def on_gpu(settings: TrainerConfig) -> bool:
    """Whether the configuration trains on CUDA devices here."""
    return settings.accelerator in ("auto", "gpu") and torch.cuda.is_available()


def backend_of(settings: TrainerConfig) -> str:
    """Return the library that the processes talk through."""
    return "nccl" if on_gpu(settings) else "gloo"


def _choose_gpu(settings: TrainerConfig, local: int) -> None:
    if on_gpu(settings):
        torch.cuda.set_device(local)


@contextmanager
def _threads(settings: TrainerConfig) -> Iterator[None]:
    """Share the processor's cores among the processes of this machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // settings.devices))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def require_accelerator(trainer: TrainerConfig) -> None:
    """Refuse an accelerator that is not there, and more processes than it has devices."""
    name = trainer.accelerator
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if (name == "gpu" and not (cuda or mps)) or (name == "mps" and not mps):
        raise ConfigError(
            f"trainer.accelerator is {name}, but torch sees none; take auto or cpu, "
            "or ask `surrogates doctor`"
        )
    devices = torch.cuda.device_count() if on_gpu(trainer) else 1 if name == "mps" else trainer.devices
    if trainer.devices > devices:
        raise ConfigError(
            f"trainer.devices is {trainer.devices}, but this machine has {devices} of them; take "
            f"trainer.devices={devices}, or trainer.accelerator=cpu"
        )
