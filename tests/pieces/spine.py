"""Small examples of the pieces that belong to no domain."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from datasets.factory.sources import find_sources
from datasets.store.specs import VariableSpec
from surrogates.data.window import Window, windowed
from surrogates.evaluation.evaluate import Target
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.report.pictures import Examples
from surrogates.testing import draw_batch
from tests.pieces.examples import Given, known

GRID: dict[str, Any] = {"dims": ("sample", "y", "x"), "shape": (4, 3)}
HEIGHT = VariableSpec(name="height", **GRID, units="m", missing=True, long_name="height of the ground")
SPEED = VariableSpec(name="speed", dims=("sample",), shape=(), units="m s-1", long_name="speed of the wind")
HEAT = VariableSpec(name="heat", **GRID, units="K", missing=True, long_name="temperature of the ground")
DAMP = VariableSpec(name="damp", **GRID, minimum=0, maximum=1, long_name="humidity of the ground")
INSIDE = VariableSpec(name="inside", **GRID, dtype="bool", long_name="whether a cell counts")
FIELDS = Context.of([HEIGHT, SPEED], [HEAT, DAMP], INSIDE)

WARMTH = HEAT.model_copy(update={"name": "warmth"})
GIVEN = HEAT.model_copy(update={"name": "warmth_samples"})
AXES = {
    dim: xr.DataArray(5.0 * np.arange(size), dims=dim, attrs={"units": "m"})
    for dim, size in zip("yx", GRID["shape"], strict=True)
}
SPARSE = Context.of([GIVEN, SPEED], [WARMTH], shared=AXES)
"""A field of which a few cells were measured."""

HEADING = VariableSpec(
    name="heading", **GRID, units="degree", long_name="heading", attributes={"topology": "circular"}
)
"""An angle of which a full turn is the neighbour of zero."""

POINT: dict[str, Any] = {"dims": ("sample", "point"), "shape": (6,)}
PRESSURE = VariableSpec(name="pressure", **POINT, units="Pa", missing=True, long_name="pressure")
PLACES = tuple(VariableSpec(name=name, **POINT, units="m", long_name=f"place along {name}") for name in "xz")
CLOCK = VariableSpec(name="clock", dims=("point",), shape=(6,), units="s", long_name="time of the points")
AT_POINTS = Context.of([DAMP, SPEED, *PLACES, CLOCK], [PRESSURE])

LEVEL = VariableSpec(name="level", dims=("sample", "time"), shape=(30,), units="m", long_name="water level")
WINDOW = Window(8, horizon=4, dimension="time")
PAST, AHEAD = (windowed(LEVEL, WINDOW, "time", 60.0, ahead=ahead) for ahead in (False, True))
LEVELS = Context.of([PAST], [AHEAD])
SHORT = AHEAD.model_copy(update={"shape": (2,)})
"""The target of one step of a forecast in two."""


def random(*shape: int) -> Tensor:
    """Numbers of a normal distribution, the same in every call."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def pipeline(context: Context = FIELDS, **changes: Any) -> Pipeline:
    """A small network with fitted normalisers."""
    config = {
        "network": {"name": "mlp", "width": 8, "depth": 1},
        "record_dimension": context.record_dimension,
    }
    torch.manual_seed(0)
    made = Pipeline(
        PipelineConfig(inputs=list(context.inputs), targets=list(context.targets), **(config | changes)),
        context,
    )
    made.fit_normalisers([draw_batch(context, 16, seed=9)])
    return made


def denoising(**changes: Any) -> Pipeline:
    """A network that takes noise out of fields."""
    network = {"name": "diffusion_unet", "width": 8, "depth": 1, "heads": 2}
    return pipeline(**({"network": network, "head": {"name": "diffusion"}} | changes))


def forecasting() -> Pipeline:
    """A network that forecasts half of the horizon."""
    return pipeline(
        LEVELS.between([PAST], [SHORT]),
        transform={"name": "windows", "values": "relative"},
        network={"name": "lstm", "width": 4, "depth": 1},
    )


def examples(spec: VariableSpec = HEAT) -> Examples:
    """Three records of a field and two methods."""
    shape = (3, *spec.shape)
    truth = xr.Dataset({spec.name: (spec.dims, random(*shape).numpy(), {"units": spec.units})})
    return Examples(truth, {"model": truth + 0.1, "mean": truth * 0}, [Target(spec)], "sample")


def with_members() -> Examples:
    """Three records of a field, a method with five members, and one without."""
    made, (record, *grid) = examples(), HEAT.dims
    members = 0.1 + random(3, 5, *HEAT.shape).numpy()
    made.predictions["model"]["heat_member"] = (record, "member", *grid), members
    return made


def at_points() -> Examples:
    """Three records of values at points and two methods; the last point of the first is not known."""
    made = examples(PRESSURE)
    for number, spec in enumerate(PLACES):
        made.data[spec.name] = spec.dims, random(3, 6).roll(number, 0).numpy(), {"units": spec.units}
    made.data["pressure"][0, -1] = np.nan
    return made


def generic(folder: Path) -> Given:
    """Six files of NumPy, a run in each."""
    rng = np.random.default_rng(0)
    for number in range(6):
        values = {"h": rng.normal(size=(2, 5)), "v": rng.normal(size=2), "t": np.arange(5.0)}
        xr.Dataset(
            {"h": (("run", "t"), values["h"]), "v": ("run", values["v"])}, coords={"t": values["t"]}
        ).to_netcdf(folder / f"run_{number}.nc", engine="netcdf4")
    mapping = {
        "title": "Sloshing tank",
        "record_dimension": "run",
        "variables": {
            "height": {"source": "h", "units": "m", "long_name": "water height"},
            "speed": {"source": "v", "units": "m s-1", "long_name": "speed of the tank"},
        },
        "shared": {"time": {"source": "t", "units": "s", "long_name": "time"}},
        "splits": {"split": {"validation": 0.25, "test": 0.25, "keeps_whole": "none"}},
    }
    _, sources = find_sources("*.nc", folder)
    return {"mapping": mapping, "sources": [each.model_dump() for each in sources], "folder": str(folder)}


SENSORS = {"branch": random(3, 1, 4, 4), "trunk": random(3, 5, 3)}
"""A field of sensors of each of three records, and five points in space of each."""
FLAT, STEPS, MAPS = random(3, 2, 5), random(3, 2, 6), random(2, 2, 16, 16)
BLOCKS = random(2, 3, 3, 6, 8)
GATHERS, IMAGES = random(2, 2, 40, 16), random(2, 1, 16, 16)
CHANNELS = random(3, 16, 6)
"""Eight steps of complex values on six points."""
TINY_CSI4CAST: dict[str, Any] = {
    **{"denoiser": 1, "time_width": 8, "feature_width": 8, "channels": 8, "groups": 2, "reduction": 1},
    **{"width": 8, "depth": 1, "heads": 2, "hidden": 8},
}
TINY_LATENT = {"latent": 8, "channels": (4, 8)}

EXAMPLES = {
    "preparations": {
        "draw_points": known(
            piece={"name": "draw_points", "count": 3},
            context=AT_POINTS,
            changes=[name for name, spec in AT_POINTS.specs.items() if "point" in spec.dims],
            shortens=["point"],
        ),
        "hold_out": known(
            piece={"name": "hold_out", "source": "warmth", "samples": 4},
            context=Context.of([SPEED], [WARMTH], shared=AXES),
        ),
    },
    "models": {
        "mlp": known(
            inputs=FLAT,
            answer=(3, 5),
            sweep=[{"width": 4}, {"depth": 0}, {"width": 4, "activation": "tanh"}],
        ),
        "gru": known(inputs=STEPS, answer=(3, 6), sweep=[{"width": 4}, {"width": 4, "depth": 2}]),
        "gru_state": known(inputs=STEPS, answer=(3,), sweep=[{"width": 4}, {"width": 4, "layers": 0}]),
        "lstm": known(inputs=STEPS, answer=(3, 4), sweep=[{"width": 4}, {"width": 4, "depth": 1}]),
        "sequence_transformer": known(
            inputs=STEPS,
            answer=(3, 4),
            sweep=[{"width": 8}, {"width": 8, "depth": 1, "heads": 2, "dropout": 0.5}],
        ),
        "tcn": known(
            inputs=STEPS,
            answer=(3, 4),
            sweep=[{"width": 4, "depth": 2}, {"width": 4, "depth": 1, "kernel": 2, "dropout": 0.5}],
        ),
        # The decoder is fed with zeros, as published.
        "vector": known(
            inputs=STEPS,
            answer=(3, 4),
            sweep=[{"width": 4}, {"width": 4, "depth": 1}],
            idle=["gru2.weight_ih_l0"],
        ),
        "unet": known(
            inputs=MAPS,
            answer=(1, 16, 16),
            sweep=[{"width": 4, "depth": 2}, {"width": 6, "depth": 1, "norm": "group"}],
        ),
        "diffusion_unet": known(
            inputs={"noisy": random(2, 1, 3, 6, 8), "time": random(2).sigmoid(), "condition": BLOCKS},
            answer=(2, 3, 6, 8),
            sweep=[
                {"width": 8, "depth": 1, "heads": 2},
                {"width": 8, "depth": 1, "blocks": 2, "conditioning": "film", "pool": (1, 2, 2)},
            ],
        ),
        "geo_unet": known(
            inputs=MAPS,
            answer=(1, 16, 16),
            sweep=[{"base": 4, "levels": 2}, {"base": 4, "levels": 1, "patch": 2, "norm": "group"}],
        ),
        "fno": known(inputs=IMAGES, answer=(2, 20, 16), sweep=[{"width": 4, "modes": 4, "layers": 2}]),
        "deeponet": known(
            inputs=SENSORS,
            answer=(2, 5),
            at_points="trunk",
            sweep=[
                {"width": 8, "depth": 2, "products": 4, "wave_numbers": (3.0, 1.5)},
                {"width": 8, "depth": 1, "products": 4, "branch": "mlp", "trunk": "mlp"},
                {"width": 8, "depth": 1, "products": 4, "encode_by_sine": False},
                {"width": 8, "depth": 1, "products": 4, "branch": "resnet", "widths": (4, 6), "blocks": 2},
            ],
        ),
        "latent_unet": known(
            inputs=GATHERS,
            answer=(1, 16, 16),
            sweep=[
                TINY_LATENT | {"repeat": 1, "depth": 1},
                TINY_LATENT | {"repeat": 1, "depth": 1, "skip_from": "pooled"},
                TINY_LATENT | {"translator": "linear"},
                TINY_LATENT | {"translator": "identity"},
            ],
        ),
        "invertible_x_net": known(
            inputs=GATHERS,
            answer=(1, 16, 16),
            sweep=[TINY_LATENT | {"architecture": (1, 1)}, TINY_LATENT | {"architecture": (2,)}],
        ),
        "inversion_net": known(
            inputs=GATHERS, answer=(1, 16, 16), sweep=[{"width": 2}, {"width": 2, "vector_norm": "layer"}]
        ),
        "waveform_net": known(inputs=IMAGES, answer=(2, 40, 16), sweep=[{"width": 2}]),
        "velocity_critic": known(inputs=IMAGES, answer=(), sweep=[{"width": 2}]),
        "rnn": known(inputs=CHANNELS, answer=(4, 6), sweep=[{"width": 4}, {"width": 4, "depth": 1}]),
        "cnn_autoencoder": known(inputs=CHANNELS, answer=(4, 6), sweep=[{"levels": 2}]),
        "stem_gnn": known(inputs=CHANNELS, answer=(4, 6), sweep=[{"widening": 1}]),
        "llm4cp": known(
            inputs=CHANNELS,
            answer=(4, 6),
            sweep=[
                {"channels": 4, "blocks": 1, "width": 8, "depth": 1, "heads": 2, "positions": 8},
                {"channels": 2, "blocks": 1, "width": 4, "depth": 1, "heads": 1, "positions": 9}
                | {"vocabulary": 3, "patch": 2, "normalisation": "none"},
            ],
        ),
        "csi4cast": known(
            inputs=CHANNELS,
            answer=(4, 6),
            sweep=[
                TINY_CSI4CAST,
                TINY_CSI4CAST | {"corrections": "time_and_features", "pooling": "average_and_max"},
                TINY_CSI4CAST
                | {"corrections": "none", "embedding": "mobilenet", "channels": 16, "predictor": "mlp"},
                TINY_CSI4CAST | {"corrections": "norm", "embedding": "mlp", "delay_branch": False},
                TINY_CSI4CAST | {"denoiser": 0, "predictor": "lstm", "normalisation": "none"},
            ],
        ),
    },
    "recipes": {"generic": lambda folder: {"parameters": generic(folder)}},
    "transforms": {
        "stack": known(context=FIELDS),
        "points": known(context=AT_POINTS),
        "windows": known(context=LEVELS, piece={"name": "windows", "values": "rates"}),
    },
    "heads": {
        "point": known(),
        "gaussian": known(weighs_cells=True),
        "quantiles": known(),
        "diffusion": known(),
    },
    "objectives": {
        "diffusion": lambda _: {"pipeline": denoising(), "batch": draw_batch(FIELDS)},
        "regression": lambda _: {"pipeline": pipeline(), "batch": draw_batch(FIELDS)},
        "forecast": lambda _: {
            "piece": {"name": "forecast", "steps": 2},
            "pipeline": forecasting(),
            "batch": draw_batch(LEVELS),
        },
    },
    "predictors": {
        "direct": lambda _: {"pipeline": pipeline(), "batch": draw_batch(FIELDS)},
        "rollout": lambda _: {
            "piece": {"name": "rollout", "steps": 2},
            "pipeline": forecasting(),
            "batch": draw_batch(LEVELS),
        },
        "diffusion": lambda _: {
            "piece": {"name": "diffusion", "samples": 3, "sampling_steps": 3, "eta": 1.0},
            "pipeline": denoising(head={"name": "diffusion", "schedule": "decoupled", "prediction": "both"}),
            "batch": draw_batch(FIELDS),
        },
    },
    "baselines": {
        "persistence": known(context=LEVELS),
        "gaussian_process": known(
            context=FIELDS, piece={"name": "gaussian_process", "parameters": ("speed",)}
        ),
        **{
            name: known(context=SPARSE)
            for name in ("sample_mean", "inverse_distance", "nearest_samples", "ordinary_kriging")
        },
        **{
            name: known(context=FIELDS, piece={"name": name, "parameters": ("speed",)})
            for name in ("nearest_record", "linear_interpolation", "cubic_interpolation")
        },
    },
    "metrics": {
        "rmse": known(best=0.0),
        "mae": known(best=0.0),
        "bias": known(best=0.0),
        "nmse": known(best=0.0),
        "relative_l2": known(best=0.0),
        "r2": known(best=1.0),
        "correlation": known(best=1.0),
        "p90_absolute_error": known(best=1e-9),
        "absolute_error_quantile": known(best=1e-9),
        "ssim": known(best=1.0, piece={"name": "ssim", "minimum": 0.0, "maximum": 20.0}),
        "crps": known(),
        "coverage": known(best=1.0),
        "interval_width": known(),
        "gaussian_coverage": known(best=1.0),
        "member_coverage": known(members=True),
        "energy_score": known(members=True),
        "rank_histogram": known(members=True),
        "circular_error": known(best=0.0, spec=HEADING),
    },
    "plots": {
        "fields": lambda _: {"examples": examples()},
        "points": lambda _: {
            "piece": {"name": "points", "coordinates": ("x", "z")},
            "examples": at_points(),
            "context": AT_POINTS,
        },
        "rank_histograms": lambda _: {"examples": with_members()},
    },
}

EVERY = {"baselines": known(context=FIELDS)}
"""What serves every piece of a kind that has no example of its own."""
