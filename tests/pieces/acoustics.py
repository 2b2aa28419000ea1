"""Small examples of the pieces of acoustics."""

import torch

from datasets.acoustics.rooms import Rooms
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from tests.pieces.examples import known
from tests.surrogates.domains.acoustics.rooms import room_batch, room_context, simulated
from tests.surrogates.domains.acoustics.test_pictures import SERIES, heard, heard_context, series, snapshots


class SmallRooms(Rooms):
    """38 records of a small room, eight to a unit; impedance, size and points are each record's own."""

    size: tuple[float | tuple[float, float], ...] = ((1.2, 1.6), 1.5)
    wall_impedance: float | tuple[float, float] = (2000.0, 40000.0)
    source_grid: int | tuple[int, ...] | None = 3
    validation_sources: int = 3
    extrapolation_sources: int = 2
    rooms_per_source: int = 2
    time_samples: int | None = 5
    duration: float = 0.004
    points: int = 60
    own_points: bool = True

    def unit_records(self) -> int:
        return 8


def pipeline() -> Pipeline:
    """A small operator network of a room, with fitted normalisers."""
    context = room_context(source=False)
    config = PipelineConfig(
        inputs=list(context.inputs),
        targets=list(context.targets),
        record_dimension="sample",
        transform={"name": "acoustics/points"},
        network={"name": "deeponet", "width": 16, "depth": 2, "products": 6},
    )
    torch.manual_seed(0)
    made = Pipeline(config, context)
    made.fit_normalisers([room_batch(context, records=8, seed=1)])
    return made


EXAMPLES = {
    "recipes": {
        "acoustics/rooms": known(piece=SmallRooms.make({}), workers=[1]),
    },
    "transforms": {
        "acoustics/points": lambda _: {"context": room_context(), "batch": room_batch(room_context())},
    },
    "objectives": {
        "acoustics/wave_residual": lambda _: {
            "piece": {"name": "acoustics/wave_residual", "weight": 1e-13, "points": 20},
            "pipeline": pipeline(),
            "batch": room_batch(room_context(source=False)),
        },
    },
    "baselines": {
        name: lambda _: {"context": simulated()[0], "batches": [simulated()[1]]}
        for name in ("acoustics/image_sources", "acoustics/fdtd")
    },
    "metrics": {
        "acoustics/response_error": known(
            piece={"name": "acoustics/response_error", "measure": "clarity", "time_step": 0.011},
            spec=SERIES,
            best=0.0,
        ),
    },
    "plots": {
        "acoustics/snapshots": lambda _: {"examples": snapshots()},
        "acoustics/responses": lambda _: {"examples": series()},
        "acoustics/receivers": lambda _: {
            "piece": {"name": "acoustics/receivers", "highest_frequency": 400.0},
            "context": heard_context(),
            "examples": heard(),
        },
    },
}
