"""Weights & Biases."""

from pathlib import Path
from uuid import uuid4

import wandb
from lightning.pytorch.loggers import WandbLogger

from surrogates.training.logs import kept


class FinishedLogger(WandbLogger):
    """Ends its run with ours: else the next one of this process would be written into it."""

    def finalize(self, status: str) -> None:
        """Close the run."""
        super().finalize(status)
        if self._experiment is not None:
            wandb.finish(exit_code=int(status != "success"))


def wandb_logger(
    folder: Path,
    experiment: str,
    run: str,
    project: str | None = None,
    entity: str | None = None,
    tags: list[str] | None = None,
    offline: bool = False,
) -> WandbLogger:
    """Return Lightning's logger for Weights & Biases; a resumed run appends to its earlier record.

    Parameters
    ----------
    folder, experiment, run
        Folder of its files, and names; the run's name is that of its folder.
    project
        Project; the name of the experiment by default.
    entity
        User or team.
    tags
        Tags to find the run by.
    offline
        Keep everything in ``logs/wandb`` until `wandb sync`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return FinishedLogger(
        name=run,
        save_dir=folder,
        id=kept(folder / "wandb_run_id", uuid4().hex),
        project=project or experiment.replace("/", "-"),
        offline=offline,
        entity=entity,
        tags=tags,
    )
