"""MLflow."""

import os
from pathlib import Path

import mlflow
from lightning.pytorch.loggers import MLFlowLogger

from surrogates.training.logs import kept


def mlflow_logger(
    folder: Path,
    experiment: str,
    run: str,
    tracking_uri: str | None = None,
    experiment_name: str | None = None,
    tags: dict[str, str] | None = None,
) -> MLFlowLogger:
    """Return Lightning's logger for MLflow; a resumed run appends to its earlier record.

    Parameters
    ----------
    folder, experiment, run
        Folder of its files, and names; the run's name is that of its folder.
    tracking_uri
        Server or folder; the one that MLflow is set to, else ``logs/mlruns``, which `mlflow ui` shows.
    experiment_name
        Experiment of MLflow; the name of ours by default.
    tags
        Tags to find the run by.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mlflow_run_id"
    if tracking_uri is None and mlflow.is_tracking_uri_set():
        tracking_uri = mlflow.get_tracking_uri()
    elif tracking_uri is None:
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3 wants it said
        tracking_uri = f"file:{folder.absolute() / 'mlruns'}"
    logger = MLFlowLogger(
        experiment_name=experiment_name or experiment,
        run_name=run,
        tracking_uri=tracking_uri,
        tags=tags,
        run_id=path.read_text(encoding="utf-8") if path.exists() else None,
    )
    kept(path, str(logger.run_id))
    return logger
