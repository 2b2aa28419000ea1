"""What the domain of acoustics offers by name."""

PIECES: dict[str, dict[str, str]] = {
    "recipes": {
        "acoustics/rooms": "datasets.acoustics.rooms:Rooms",
    },
    "transforms": {
        "acoustics/points": "surrogates.domains.acoustics.transforms:RoomPoints",
    },
    "objectives": {
        "acoustics/wave_residual": "surrogates.domains.acoustics.objectives:WaveResidual",
    },
    "baselines": {
        "acoustics/image_sources": "surrogates.domains.acoustics.baselines:ImageSources",
        "acoustics/fdtd": "surrogates.domains.acoustics.baselines:CoarseFDTD",
    },
    "metrics": {
        "acoustics/response_error": "surrogates.domains.acoustics.metrics:ResponseError",
    },
    "plots": {
        "acoustics/snapshots": "surrogates.domains.acoustics.plots:Snapshots",
        "acoustics/responses": "surrogates.domains.acoustics.plots:Responses",
        "acoustics/receivers": "surrogates.domains.acoustics.plots:Receivers",
    },
    "verbs": {
        "acoustics": "surrogates.domains.acoustics.verbs:AcousticsVerbs",
    },
}
"""Import path of each registered object, by kind and name."""

EXTRAS: dict[str, str] = {
    "deepxde": "acoustics",
    "meshio": "acoustics",
    "pyroomacoustics": "acoustics",
    "soundfile": "acoustics",
}
"""Extra of this package that installs an optional module."""
