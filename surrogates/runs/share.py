"""Share a finished run: its bundle, with the configuration that `evaluate` and `calibrate` need."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from datasets.store.urls import local_path
from surrogates.inference.hub import push
from surrogates.inference.manifest import read_manifest
from surrogates.inference.zoo import BUNDLE, located
from surrogates.runs.folder import CONFIG, read_config


def share(run: str, url: str, *, private: bool = False) -> str:
    """Push the bundle of a run to the hub, and return its URL with the commit.

    Parameters
    ----------
    run
        Folder of the run, or of its bundle.
    url
        `hf://OWNER/NAME`.
    private
        Whether a new repository is private.

    Raises
    ------
    BundleError
        When there is no sound bundle, or the hub refuses.
    """
    folder = located(run)
    home = folder.parent if folder.name == BUNDLE else folder
    beside = {}
    if (home / CONFIG).is_file() and not read_manifest(folder).members:  # which has no files of its own
        beside[CONFIG] = yaml.safe_dump(without_paths(read_config(home)), sort_keys=False)
    return push(Path(folder), url, beside=beside, private=private)


def without_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a run without folders, options and weights of this machine."""
    stores = [{**each, "url": _name(each["url"]), "storage_options": {}} for each in config["dataset"]]
    return {**config, "dataset": stores, "output": "runs", "init": None, "parts": {}}


def _name(url: str) -> str:
    """Return the name of a local store; a URL stays as it is."""
    path = local_path(url)
    return url if path is None else PurePosixPath(path).name
