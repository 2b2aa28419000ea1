"""The training records to which distances are measured, as a file of a bundle, `distance-HASH.safetensors`.

Its name holds its hash, so that a new one lies beside the old one until the manifest names it.
"""

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from surrogates.core.files import write_atomic
from surrogates.inference.errors import BundleError
from surrogates.inference.manifest import DISTANCES, Manifest, sha256
from surrogates.inference.weights import read_header
from surrogates.learning.distance import MOST_FEATURES, MOST_NUMBERS, Neighbours

LETTERS = 12  # of the hash


def save_neighbours(neighbours: Neighbours, folder: Path) -> dict[str, str]:
    """Write neighbours into a bundle's folder; return the name of its file with the hash."""
    tensors = {name: getattr(neighbours, name).contiguous() for name in ("records", "mean", "scale")}
    content = save({**tensors, "unit": torch.tensor([neighbours.unit], dtype=torch.float64)})
    found = hashlib.sha256(content).hexdigest()
    name = f"{DISTANCES}{found[:LETTERS]}.safetensors"
    write_atomic(folder / name, content)
    return {name: found}


def load_neighbours(folder: Path, manifest: Manifest) -> Neighbours | None:
    """Return the neighbours in a bundle, which may come from a stranger; None if it has none.

    Raises
    ------
    BundleError
        When the file is not the one that the manifest lists, or holds no neighbours.
    """
    names = [name for name in manifest.files if name.startswith(DISTANCES)]
    if not names:
        return None
    path = folder / names[0]
    shapes = {name: shape for name, (shape, _) in read_header(path).items()}
    records = shapes.get("records", ())
    features = records[1:]
    fits = shapes == {"records": records, "mean": features, "scale": features, "unit": (1,)}
    if not fits or len(records) != 2 or records[0] < 1 or not 0 < records[1] <= MOST_FEATURES:
        raise BundleError(f"{path} has the tensors {shapes}; it tells no distances. Fetch the bundle again.")
    if records[0] * records[1] > max(MOST_NUMBERS, 2 * MOST_FEATURES):
        raise BundleError(f"{path} holds {records} numbers; at most {MOST_NUMBERS} are allowed.")
    if sha256(path) != manifest.files[names[0]]:
        raise BundleError(f"{path} does not have the hash in the bundle's manifest. Fetch the bundle again.")
    values = {name: tensor.double() for name, tensor in load_file(path).items()}
    sound = all(each.isfinite().all() for each in values.values())
    if not sound or (values["scale"] <= 0).any() or values["unit"] <= 0:
        raise BundleError(f"{path} holds NaN, infinity, or a scale of zero. Fetch the bundle again.")
    tensors = {name: values[name].float() for name in ("records", "mean", "scale")}
    return Neighbours(**tensors, unit=float(values["unit"]))
