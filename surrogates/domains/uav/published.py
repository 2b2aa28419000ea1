"""The published networks of VECTOR as pipelines and bundles of ours.

The weights (MIT) are those of `config/` of https://github.com/mzahana/drone_path_predictor_ros. A file is
called ``<training set>_<pos or vel>_<max or white>_norm_<width>_<depth>_<dropout>.pth``, and beside it stand
the constants that it was trained with, ``<training set>_<pos or vel>_stats.npz``. Neither needs pickle.

References
----------
O. Nacar et al., "VECTOR: Velocity-Enhanced GRU Neural Network for Real-Time 3D UAV Trajectory Prediction",
Drones 9(1):8, 2025.
"""

import os
import pickle
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from datasets.uav.variables import RECORD, STEP, coordinates, track_specs
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.window import Window, horizon_coordinates, windowed
from surrogates.inference.bundle import save_bundle
from surrogates.learning.normaliser import Normaliser, Whitening
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.models.vector import VECTOR

HISTORY, AHEAD = 20, 10
"""Samples that the networks see and predict, ten a second."""
_NAME = re.compile(
    r"(?P<data>\w+?)_(?P<kind>pos|vel)_(?P<normalisation>max|white)_norm_"
    r"(?P<width>\d+)_(?P<depth>\d+)_(?P<dropout>\d+p\d+)\.pth"
)
_LONGEST = {"pos": "max_length", "vel": "max_velocity"}
_WINDOW = Window(HISTORY, horizon=AHEAD, dimension="time")


@dataclass(frozen=True)
class Published:
    """Facts in the name of a file of weights.

    Attributes
    ----------
    data
        Training set: `5000` simulated flights, or a `mix` with recorded ones.
    kind
        Whether positions (`pos`) or velocities (`vel`) go in and come out.
    normalisation
        Normalisation by the longest vector (`max`), or by mean and covariance (`white`).
    width, depth, dropout
        Size and dropout of the network.
    """

    data: str
    kind: Literal["pos", "vel"]
    normalisation: Literal["max", "white"]
    width: int
    depth: int
    dropout: float

    @classmethod
    def of(cls, weights: Path) -> "Published":
        """Read a file's name.

        Raises
        ------
        ConfigError
            If it is not one of the published names.
        """
        found = _NAME.fullmatch(weights.name)
        if found is None:
            raise ConfigError(
                f"{weights.name} is no name of VECTOR's weights; expected one like "
                "5000_vel_white_norm_64_2_0p5.pth, which says data, kind, normalisation and size"
            )
        values: dict[str, Any] = found.groupdict()
        values |= {key: int(values[key]) for key in ("width", "depth")}
        return cls(**{**values, "dropout": float(values["dropout"].replace("p", "."))})

    def config(self) -> PipelineConfig:
        """Return the pipeline: inputs, targets and network."""
        (track,) = track_specs(HISTORY + AHEAD, ["position"])
        position = track.model_copy(update={"missing": False})  # NaN is padding, which no window holds
        return PipelineConfig(
            inputs=[windowed(position, _WINDOW, "time", STEP, ahead=False)],
            targets=[windowed(position, _WINDOW, "time", STEP, ahead=True)],
            transform={"name": "windows"}
            | ({} if self.kind == "pos" else {"values": "rates", "repeat_last": True}),
            network={"name": "vector", "width": self.width, "depth": self.depth, "dropout": self.dropout},
            record_dimension=RECORD,
            normalisation="max_norm" if self.normalisation == "max" else "whitening",
        )


def published_pipeline(
    weights: str | os.PathLike[str],
    statistics: str | os.PathLike[str] | None = None,
    *,
    legacy_whitening: bool = True,
) -> Pipeline:
    """Return a published network as a pipeline.

    Parameters
    ----------
    weights
        File of a published name.
    statistics
        File of its constants; by default the one beside it.
    legacy_whitening
        Multiply by the transpose of the Cholesky factor, as the published networks were trained; false
        multiplies by the factor, which whitens any covariance.

    Raises
    ------
    ConfigError
        If a file is missing, holds other values than it should, or does not fit the name.
    """
    weights = Path(weights)
    published = Published.of(weights)
    beside = weights.with_name(f"{published.data}_{published.kind}_stats.npz")
    statistics = Path(statistics or beside)
    constants = _read_statistics(statistics)
    state = _read_weights(weights)
    _require_fit(state, published, weights)
    pipeline = Pipeline(published.config())
    pipeline.network.load_state_dict(state)
    for normaliser in (pipeline.input_normaliser, pipeline.target_normaliser):
        if published.normalisation == "max":
            longest = _constant(statistics, constants, _LONGEST[published.kind], ())
            cast(Normaliser, normaliser).scale.fill_(float(longest))
        else:
            factor = _constant(statistics, constants, "L_matrix", (3, 3))
            mean = _constant(statistics, constants, "input_mean", (3,))
            cast(Whitening, normaliser).take(mean, factor.T if legacy_whitening else factor)
    return pipeline.eval()


def published_bundle(
    folder: str | os.PathLike[str],
    weights: str | os.PathLike[str],
    statistics: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a published network as a bundle, which predicts, streams and exports like one trained here.

    Parameters
    ----------
    folder
        Folder of the bundle.
    weights, statistics
        As for `published_pipeline`.
    """
    pipeline = published_pipeline(weights, statistics)
    shared = coordinates(HISTORY + AHEAD, quaternion=False)
    return save_bundle(
        folder,
        pipeline,
        name=f"VECTOR {Path(weights).stem}",
        predictor={"name": "rollout"},
        coordinates={**horizon_coordinates(shared, "time", _WINDOW, STEP), "axis": shared["axis"]},
        provenance={
            "source": "https://github.com/mzahana/drone_path_predictor_ros",
            "weights": Path(weights).name,
            "license": "MIT",
            "citation": "Nacar et al., VECTOR, Drones 9(1):8, 2025",
        },
    )


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing; name a file of VECTOR's weights") from None
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"{path} holds no plain weights ({reason}); fetch the published file again"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ConfigError(f"{path} holds no dictionary of tensors; expected the published state dict")
    return state


def _read_statistics(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing; put the published constants there, or name their file"
        ) from None
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ConfigError(
            f"{path} holds no plain numbers ({error}); fetch the published file again"
        ) from None


def _constant(path: Path, constants: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> Tensor:
    """Return a constant; refuse a length that is not above 0 and a factor without an inverse."""
    if name not in constants or constants[name].shape != shape:
        found = constants[name].shape if name in constants else f"only {listing(sorted(constants))}"
        raise ConfigError(f"{path} needs {name!r} of shape {shape}, found {found}; take the published file")
    value = constants[name]
    fine = value.dtype.kind == "f" and bool(np.isfinite(value).all())
    if fine and shape != (3,):
        square = value.reshape(shape or (1, 1))
        fine = bool(np.diag(square).min() > 0) and np.linalg.matrix_rank(square) == len(square)
    if not fine:
        found = " ".join(str(value).split())
        raise ConfigError(
            f"{path}: {name!r} is {found} ({value.dtype}), expected finite numbers, those of a length or of "
            "the diagonal of a Cholesky factor above 0; take the published file"
        )
    return torch.from_numpy(value)


def _require_fit(state: dict[str, Tensor], published: Published, path: Path) -> None:
    with torch.device("meta"):  # a name can promise any size
        network = VECTOR(3, 3, AHEAD, published.width, published.depth, published.dropout)
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    if found != expected:
        name = sorted(set(found.items()) ^ set(expected.items()))[0][0]
        raise ConfigError(
            f"{path}: the weights are not those that its name says ({name}: {found.get(name)} found, "
            f"{expected.get(name)} expected); give the file its published name back"
        )
