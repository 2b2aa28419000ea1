"""The processes of one run: started by torch on this machine, or by `torchrun` or `srun`, and joined."""

import atexit
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning.fabric.plugins.environments import SLURMEnvironment
from torch import distributed
from torch.distributed import DistNetworkError, DistStoreError, TCPStore
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher import LaunchConfig, elastic_launch

from surrogates.core.errors import ConfigError
from surrogates.core.quiet import quiet
from surrogates.experiment.config import TrainerConfig
from surrogates.experiment.devices import on_gpu
from surrogates.experiment.launched import Launched, launched, of_step
from surrogates.training.fit import backend_of
from surrogates.training.ranks import ALONE, Ranks
from surrogates.training.signals import STATUS, Stopped, answered

PATIENCE = timedelta(hours=2)  # the others wait while the first fits normalisers to a large data set
ENDING = 15.0
"""Seconds in which a process that has lost its parent finishes its step."""
MEETING = timedelta(minutes=10)  # until all tasks of srun are there
SHORT_MEETING = timedelta(minutes=2)  # the same where only the job is known: a script without srun
GRACE = 5.0
"""Seconds in which a process that has lost another lets that one tell why."""

RESUME = "resume from the last checkpoint with run=DIR, with other trainer.devices if need be"

Answer = TypeVar("Answer")


def starts_others(settings: TrainerConfig) -> bool:
    """Return whether this process has to start those that train."""
    return launched() is None and settings.processes > 1


def require_guard() -> None:
    """Refuse a script that trains when the processes that it has started import it."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        print(
            "error: a script that trains in several processes is imported by each of them: put what it does "
            'under `if __name__ == "__main__":`',
            file=sys.stderr,
        )
        raise SystemExit(2)


def launch(work: Callable[..., Answer], settings: TrainerConfig, folder: Path, **arguments: Any) -> Answer:
    """Call a function in as many processes as configured; return the result of the first.

    torch starts and watches them as `torchrun` does. When one fails, all end.

    Parameters
    ----------
    work
        A function of a module.
    settings
        The ``trainer`` section of the configuration.
    folder
        The run's folder, where torch keeps what the processes say of errors.
    **arguments
        Of the function.

    Raises
    ------
    ConfigError
        When a process failed: its number and its message.
    Stopped
        When a signal ended the run.
    """
    # A step, a validation and a checkpoint may take longer than the half minute that torch gives them.
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "600")
    # What Python tells of the semaphores of a process that was killed.
    warned = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (warned, "ignore:resource_tracker:UserWarning")))
    logs = folder / "logs" / "processes"
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=settings.processes,
        run_id=folder.name,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method="spawn",
        local_addr="localhost",
        signals_to_handle=",".join(each.name for each in answered()),
        logs_specs=DefaultLogsSpecs(log_dir=str(logs)),
    )
    try:
        with quiet("torch.distributed", "torch.multiprocessing"):
            answers: dict[int, Answer] = elastic_launch(config, _quietly)(work, arguments)
        return answers[0]
    except SignalException as error:
        raise Stopped(error.sigval) from None
    except ChildFailedError as error:
        raise _explained(error, settings.processes) from error
    finally:
        os.environ["PYTHONWARNINGS"] = warned or ""
        shutil.rmtree(logs, ignore_errors=True)


def _quietly(work: Callable[..., Answer], arguments: Mapping[str, Any]) -> Answer:
    """Do the work of one process that torch started."""
    with quiet("torch.distributed"):
        return work(**arguments)


def _end_with_parent() -> None:
    """End this process some time after its parent has ended, which cannot do so itself."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(ENDING)
    os._exit(STATUS[signal.SIGTERM])  # it waits for others, which have ended


def _explained(error: ChildFailedError, size: int) -> BaseException:
    """Return the message of the process that failed first, or how it ended."""
    rank, failure = error.get_first_failure()
    for number, status in STATUS.items():
        if failure.exitcode == status:
            return Stopped(number)
    said = failure.error_file_data["message"]
    reason = str(said["message"]) if isinstance(said, dict) else f"status {failure.exitcode}"
    if reason.startswith(f"{ConfigError.__name__}: "):
        return ConfigError(reason.partition(": ")[2])
    if failure.exitcode < 0:
        reason = f"killed by {failure.signal_name()}"
    return ConfigError(_ended(rank, size, reason))


def _ended(rank: int, size: int, reason: str) -> str:
    return f"process {rank + 1} of {size} ended: {' '.join(reason.split())}; {RESUME}"


@contextmanager
def joined(settings: TrainerConfig) -> Iterator[Ranks]:
    """Join the group of the processes that were started together, if there are several.

    The group stays for further runs of this process, unless one fails.

    Raises
    ------
    ConfigError
        When this process fails or loses another: its number and the reason.
    """
    group = launched()
    if group is None:
        yield ALONE
        return
    if group.by == "torchrun":
        threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _join(settings, group)
        yield Ranks(group.rank, group.size, group.local_size)
    except Exception as error:
        if isinstance(error, RuntimeError) and group.by == "torchrun":
            time.sleep(GRACE)  # torch lost the connection: the other process knows the reason
        _leave()  # so that the others do not wait
        if isinstance(error, ConfigError):
            raise ConfigError(f"process {group.rank + 1} of {group.size}: {error}") from error
        lost = isinstance(error, RuntimeError) and "gloo" in str(error)
        reason = "it has lost another one" if lost else str(error) or type(error).__name__
        raise ConfigError(_ended(group.rank, group.size, reason)) from error


def _join(settings: TrainerConfig, group: Launched) -> None:
    if distributed.is_initialized():
        return
    own = os.environ.get("SLURM_CPUS_PER_TASK") if group.by == "srun" else None
    torch.set_num_threads(int(own or max(1, torch.get_num_threads() // group.local_size)))
    if on_gpu(settings):
        local = 0 if torch.cuda.device_count() == 1 else group.local  # each may see its own GPU only
        os.environ["LOCAL_RANK"] = str(local)
        torch.cuda.set_device(local)
    distributed.init_process_group(
        backend_of(settings),
        store=_meet(group) if group.by == "srun" else None,
        rank=group.rank,
        world_size=group.size,
        timeout=PATIENCE,
    )
    atexit.register(_leave)
    if on_gpu(settings):
        _require_own_gpus(group)


def _require_own_gpus(group: Launched) -> None:
    """Refuse processes that were given the same GPU: the first exchange between them would fail."""
    device = torch.cuda.get_device_properties(torch.cuda.current_device())
    found = Ranks(group.rank, group.size, group.local_size).gather(str(device.uuid))
    sharing = [str(rank + 1) for rank, uuid in enumerate(found) if uuid == str(device.uuid)]
    if len(sharing) > 1:
        raise ConfigError(
            f"the processes {', '.join(sharing)} were given the same {device.name}, and each needs a GPU of "
            "its own; start one process for each GPU, or take trainer.accelerator=cpu"
        )


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _meet(group: Launched) -> TCPStore:
    """Meet the other tasks of `srun`, and set the variables that `torchrun` would set for this one."""
    host = SLURMEnvironment.resolve_root_node_address(of_step("NODELIST") or "127.0.0.1")
    step = os.environ.get("SLURM_STEP_ID")
    port = 20000 + (int(os.environ.get("SLURM_JOB_ID", "0")) * 31 + int(step or 0)) % 12000
    about = {
        "RANK": group.rank,
        "WORLD_SIZE": group.size,
        "LOCAL_RANK": group.local,
        "LOCAL_WORLD_SIZE": group.local_size,
        "GROUP_RANK": os.environ.get("SLURM_NODEID", "0"),
        "MASTER_ADDR": host,
        "MASTER_PORT": port,
    }
    for name, value in about.items():
        os.environ.setdefault(name, str(value))
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    timeout = MEETING if step else SHORT_MEETING
    try:
        return TCPStore(host, port, group.size, is_master=group.rank == 0, timeout=timeout)
    except DistNetworkError as error:
        raise ConfigError(
            f"the tasks cannot meet at {host}:{port} ({error}); where the port is taken, export another "
            "one as MASTER_PORT"
        ) from error
    except DistStoreError as error:
        raise ConfigError(
            f"SLURM tells of {group.size} tasks, but not all of them came to {host}:{port}; start the "
            "command with srun, or ask for one task"
        ) from error
