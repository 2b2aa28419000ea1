"""Small examples of the pieces of flights: tracks of a second, and logs of a few flights."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from datasets.uav.variables import coordinates, track_specs
from surrogates.data.window import Window, horizon_coordinates, windowed
from surrogates.evaluation.evaluate import Target
from surrogates.learning.context import Context
from surrogates.report.pictures import Examples
from tests.datasets.uav.flights import SmallUnits
from tests.datasets.uav.logs import OF_ROS2, write_bag2, write_ulog
from tests.pieces.examples import Given, known

HISTORY, HORIZON, STEP = 12, 5, 0.1
WINDOW = Window(HISTORY, horizon=HORIZON, dimension="time")
(POSITION,) = track_specs(40, ["position"])
PAST, AHEAD = (windowed(POSITION, WINDOW, "time", STEP, ahead=ahead) for ahead in (False, True))
PLACES = horizon_coordinates(coordinates(40, quaternion=False), "time", WINDOW, STEP)
CONTEXT = Context.of(
    [PAST],
    [AHEAD],
    record_dimension="trajectory",
    shared={str(name): values for name, values in PLACES.items()},
)


def tracks(count: int = 6, seed: int = 0) -> np.ndarray:
    """Smooth tracks with noise of a centimetre, (trajectory, time, axis), m."""
    rng = np.random.default_rng(seed)
    time = STEP * np.arange(HISTORY + HORIZON)[None, :, None]
    terms = [rng.normal(0, size, (count, 1, 3)) * time**power for power, size in enumerate((20.0, 4.0, 0.8))]
    return np.asarray(sum(terms) + rng.normal(0, 0.01, (count, HISTORY + HORIZON, 3)), np.float32)


def batch(seed: int = 0) -> dict[str, torch.Tensor]:
    """Past and future of six tracks."""
    whole = torch.from_numpy(tracks(seed=seed))
    return {"position": whole[:, :HISTORY], "position_forecast": whole[:, HISTORY:]}


def moved(piece: str | Given, off: Given | None = None) -> Any:
    """An example of a preparation that moves past and truth together."""
    changes = ["position", "position_forecast"]
    return known(piece=piece, context=CONTEXT, batch=batch(), changes=changes, off=off)


def examples() -> Examples:
    """Six tracks, and two methods of which one tells its deviation."""
    dims = ("trajectory", "horizon", "axis")
    values = {name: value.numpy() for name, value in batch().items()}
    data = xr.Dataset(
        {
            "position": (("trajectory", "time", "axis"), values["position"]),
            "position_forecast": (dims, values["position_forecast"]),
        },
        coords={"time": STEP * np.arange(1 - HISTORY, 1), "horizon": STEP * np.arange(1, HORIZON + 1)},
    )
    model = data[["position_forecast"]] + 0.2
    model["position_forecast_standard_deviation"] = (dims, np.full((6, HORIZON, 3), 0.3))
    return Examples(
        data, {"model": model, "exact": data[["position_forecast"]]}, [Target(AHEAD)], "trajectory"
    )


def flown(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Stamps (s) and positions (m) of a flight of four seconds."""
    time = 0.05 * np.arange(80)
    place = np.stack([2.0 * time, (0.2 + 0.1 * number) * time**2, 5.0 + 0.0 * time], axis=1)
    return 100.0 * number + time, place


def csv(folder: Path) -> Given:
    """Six flights in a file each."""
    for number in range(6):
        stamps, places = flown(number)
        rows = [f"{t:.3f},{x:.5f},{y:.5f},{z:.5f}" for t, (x, y, z) in zip(stamps, places, strict=True)]
        (folder / f"{number}.csv").write_text("\n".join(["timestamp,tx,ty,tz", *rows]) + "\n")
    return {"folder": str(folder)}


def tum(folder: Path) -> Given:
    """Six flights in the layout of the TUM benchmark."""
    for number in range(6):
        stamps, places = flown(number)
        rows = [
            f"{t:.3f} {x:.5f} {y:.5f} {z:.5f} 0 0 0 1" for t, (x, y, z) in zip(stamps, places, strict=True)
        ]
        (folder / f"{number}.txt").write_text("\n".join(rows) + "\n")
    return {"folder": str(folder)}


def rosbag(folder: Path) -> Given:
    """Six bags of ROS 2."""
    for number in range(6):
        stamps, places = flown(number)
        recorded = [
            ("/pose", float(t), OF_ROS2.pose_stamped(float(t), place))
            for t, place in zip(stamps, places, strict=True)
        ]
        write_bag2(folder / str(number), recorded)
    return {"folder": str(folder)}


def ulog(folder: Path) -> Given:
    """Six logs of PX4."""
    axes = ("x", "y", "z", "vx", "vy", "vz", "heading")
    fields = dict.fromkeys(axes, "float") | dict.fromkeys(("xy_valid", "z_valid"), "bool")
    for number in range(6):
        stamps, places = flown(number)
        rows: list[list[Any]] = [
            [t, y, x, -z, 0.0, 0.0, 0.0, 0.0, True, True] for t, (x, y, z) in zip(stamps, places, strict=True)
        ]
        write_ulog(folder / f"{number}.ulg", {"vehicle_local_position": (fields, rows)})
    return {"folder": str(folder)}


EXAMPLES = {
    "recipes": {
        "uav/px4_like": known(piece=SmallUnits(trajectories=8), workers=[1]),
        "uav/csv": lambda folder: {"parameters": csv(folder)},
        "uav/tum": lambda folder: {"parameters": tum(folder)},
        "uav/rosbag": lambda folder: {"parameters": rosbag(folder)},
        "uav/ulog": lambda folder: {"parameters": ulog(folder)},
    },
    "preparations": {
        "uav/moved": moved(
            {"name": "uav/moved", "rotation_deg": 30.0, "shift": [1.0, 0.0, 2.0]},
            {"rotation_deg": 0.0, "shift": [0.0, 0.0, 0.0]},
        ),
        "uav/faster": moved("uav/faster", {"largest": 1.0}),
        "uav/mirror": moved("uav/mirror"),
        "uav/noise": known(context=CONTEXT, batch=batch(), changes=["position"], off={"largest": 0.0}),
    },
    "metrics": {
        "uav/ade": known(spec=AHEAD, best=0.0),
        "uav/fde": known(spec=AHEAD, best=0.0),
        "uav/displacement": known(spec=AHEAD, best=0.0, piece={"name": "uav/displacement", "step": 2}),
        "uav/miss_rate": known(spec=AHEAD, best=0.0, piece={"name": "uav/miss_rate", "threshold": 0.3}),
        "uav/horizon_coverage": known(spec=AHEAD, best=1.0),
    },
}

EVERY = {
    "transforms": known(context=CONTEXT, batch=batch()),
    "baselines": known(context=CONTEXT, batches=[batch(), batch(1)]),
    "plots": lambda _: {"examples": examples()},
}
