"""Makes a trained bundle small enough to ship: weights in half precision, with an example beside them."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from surrogates.core.files import replacing, write_atomic
from surrogates.data.batch import Batch
from surrogates.inference.bundle import load_bundle
from surrogates.inference.card import card
from surrogates.inference.errors import BundleError
from surrogates.inference.example import EXAMPLE, write_example
from surrogates.inference.manifest import (
    CARD,
    DISTANCES,
    MANIFEST,
    WEIGHTS,
    read_manifest,
    sha256,
    write_manifest,
)

READABLE = 0o644


def halve(folder: Path) -> None:
    """Store the weights of a bundle in half precision; the network computes in single precision as before.

    Only parameters with two or more dimensions are halved: kernels and matrices. Biases, the statistics of
    normalisers and the few numbers of a Gaussian process keep their precision; they are few.

    Parameters
    ----------
    folder
        Folder of a bundle that is no ensemble.

    Raises
    ------
    BundleError
        When a weight is beyond the range of half precision.
    """
    bundle = load_bundle(folder)
    large = {name for name, value in bundle.pipeline.named_parameters() if value.ndim > 1}
    tensors = load_file(folder / WEIGHTS)
    for name in large:
        if tensors[name].dtype == torch.float32:
            tensors[name] = tensors[name].half()
            if not torch.isfinite(tensors[name]).all():
                raise BundleError(f"The weight {name!r} has values beyond the range of half precision.")
    with replacing(folder / WEIGHTS) as staging:
        save_file(tensors, staging)
    files = {**bundle.manifest.files, WEIGHTS: sha256(folder / WEIGHTS)}
    write_manifest(bundle.manifest.model_copy(update={"files": files}), folder / MANIFEST)


def pack(
    source: Path, target: Path, *, path: str, batch: Batch, config: Path, provenance: Mapping[str, Any]
) -> None:
    """Write a bundle with an example, the configuration of its run, and a card that says how to load it.

    Parameters
    ----------
    source
        Folder of the bundle.
    target
        Folder to write to; an existing one is replaced.
    path
        Path that `surrogates.load` takes for it.
    batch
        Records of the test subset for the example, in physical units.
    config
        Configuration of its run.
    provenance
        Facts about its origin to add to those of the bundle: plain JSON values.
    """
    bundle = load_bundle(source)
    copied = [WEIGHTS, *(name for name in bundle.manifest.files if name.startswith(DISTANCES))]
    names = (*copied, EXAMPLE, config.name)
    shutil.rmtree(target, ignore_errors=True)
    with replacing(target) as staging:
        staging.mkdir()
        for name in copied:
            shutil.copy(source / name, staging / name)
        shutil.copy(config, staging / config.name)
        write_example(staging / EXAMPLE, bundle, batch)
        for name in names:  # safetensors writes files that only their owner may read
            (staging / name).chmod(READABLE)
        changes = {
            "files": {name: sha256(staging / name) for name in names},
            "provenance": {**bundle.manifest.provenance, **provenance},
        }
        manifest = read_manifest(source).model_copy(update=changes)
        write_manifest(manifest, staging / MANIFEST)
        write_atomic(staging / CARD, card(manifest, path))
