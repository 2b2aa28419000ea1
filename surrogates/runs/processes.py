"""The processes of one run: started here or by `torchrun`, joined, and ended together.

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
from datetime import timedelta
from importlib import import_module
from typing import IO, Any, cast

import torch
from torch import distributed
from torch.distributed import PrefixStore, TCPStore

from surrogates.core.errors import ConfigError
from surrogates.experiment.config import TrainerConfig
from surrogates.experiment.devices import on_gpu
from surrogates.training.ranks import ALONE, Ranks

PATIENCE = timedelta(hours=2)  # the others wait while the first fits normalisers to a large data set
HERE = "127.0.0.1"
POLL = 0.02  # s
FOLLOW = "from surrogates.runs.processes import follow; follow()"


@contextmanager
def joined_processes(settings: TrainerConfig, call: str, arguments: Mapping[str, Any]) -> Iterator[Ranks]:
    """Train in as many processes as the configuration says; yield who this one is.

    Parameters
    ----------
    settings
        The ``trainer`` part of the configuration.
    call, arguments
        `module:function`, and its plain arguments, that the other processes of this
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
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_first, daemon=True).start()
    settings = TrainerConfig.model_validate(order["settings"])
    store = TCPStore(HERE, order["port"], settings.devices, is_master=False, timeout=PATIENCE)
    store.set(f"here/{order['rank']}", "")
    try:
        with _threads(settings):
            _join(settings, store, order["rank"])
            _function(order["call"])(**order["arguments"])
            distributed.destroy_process_group()
    except Exception as error:
        store.set(f"words/{order['rank']}", " ".join(str(error).split()))  # the first process says it
        sys.exit(2)


def _function(path: str) -> Callable[..., object]:
    module, name = path.split(":")
    return cast(Callable[..., object], getattr(import_module(module), name))


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
