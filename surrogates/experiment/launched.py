"""How this process was started: by `torchrun` or `srun` as one of several, or as the only one."""

import os
import re
from dataclasses import dataclass

from surrogates.core.errors import ConfigError
from surrogates.experiment.config import TrainerConfig

INTERACTIVE = ("bash", "interactive")
"""Names of SLURM jobs whose shell starts one process, as Lightning has them."""
MPI = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")


@dataclass(frozen=True)
class Launched:
    """This process among those that were started together.

    Attributes
    ----------
    by
        `torchrun` or `srun`.
    rank, size
        Its number, and how many there are.
    local, local_size
        The same on this machine.
    """

    by: str
    rank: int
    size: int
    local: int
    local_size: int


def launched() -> Launched | None:
    """Return this process's number in its group, or None if it was started as the only one.

    Raises
    ------
    ConfigError
        When `mpirun` started it: each process would train a run of its own.
    """
    given = os.environ
    if "TORCHELASTIC_RUN_ID" in given:
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        return Launched("torchrun", *(int(given[name]) for name in names))
    tasks = int(of_step("NTASKS", "STEP_NUM_TASKS") or 1)
    step = int(given.get("SLURM_STEP_NUM_TASKS", "1")) > 1  # in an interactive job too
    # A shell of `salloc` has the number of tasks, but is none of them.
    task = "SLURM_PROCID" in given and given.get("SLURM_JOB_NAME") not in INTERACTIVE
    if tasks > 1 and (step or task):
        return Launched("srun", int(given["SLURM_PROCID"]), tasks, int(given["SLURM_LOCALID"]), _local(tasks))
    if tasks == 1 and any(int(given.get(name, "1")) > 1 for name in MPI):
        raise ConfigError(
            "mpirun started several processes, and each would train a run of its own; start them with "
            "torchrun or srun, or one process with trainer.devices=N"
        )
    return None


def of_step(name: str, step_name: str | None = None) -> str | None:
    """Return SLURM's variable for the step of this task, else for its job.

    Parameters
    ----------
    name
        Of the variable, without ``SLURM_``.
    step_name
        The same for a step, where it is not ``STEP_`` and the name.
    """
    own = os.environ.get(f"SLURM_{step_name or f'STEP_{name}'}")
    return own or os.environ.get(f"SLURM_{name}") or os.environ.get(f"SLURM_JOB_{name}")


def _local(tasks: int) -> int:
    """Return the tasks on this machine; SLURM writes 2, 2, 1 as ``2(x2),1``."""
    counts: list[int] = []
    for count, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", of_step("TASKS_PER_NODE") or ""):
        counts += [int(count)] * int(times or 1)
    node = int(os.environ.get("SLURM_NODEID", "0"))
    nodes = int(of_step("NNODES", "STEP_NUM_NODES") or 1)
    return counts[node] if sum(counts) == tasks and node < len(counts) else max(1, tasks // nodes)


def processes(settings: TrainerConfig) -> int:
    """Return how many processes will train.

    Raises
    ------
    ConfigError
        When `torchrun` or `srun` started another number than the configuration says, or several machines
        are asked for and neither has started this process.
    """
    group, asked = launched(), settings.processes
    if group is None:
        if (nodes := settings.num_nodes or 1) > 1:
            each = settings.devices or 1
            raise ConfigError(
                f"trainer.num_nodes is {nodes}: start the processes of several machines with torchrun, on "
                f"each one `torchrun --nnodes={nodes} --nproc-per-node={each} --rdzv-backend=c10d "
                "--rdzv-endpoint=HOST:PORT -m surrogates.train ...`, or under SLURM with "
                f"`srun --nodes={nodes} --ntasks-per-node={each} surrogates train ...`"
            )
        return asked
    if settings.devices is None and settings.num_nodes is None:
        return group.size
    if group.size != asked:
        raise ConfigError(
            f"{group.by} started {group.size} processes, but trainer.devices={settings.devices or 1} and "
            f"trainer.num_nodes={settings.num_nodes or 1} make {asked}; let them agree, or leave both out"
        )
    return asked
