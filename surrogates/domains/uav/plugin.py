"""What the domain of flights offers by name."""

PIECES: dict[str, dict[str, str]] = {
    "recipes": {
        "uav/csv": "datasets.uav.importers:CsvFlights",
        "uav/tum": "datasets.uav.importers:TumFlights",
        "uav/rosbag": "datasets.uav.importers:BagFlights",
        "uav/ulog": "datasets.uav.importers:UlogFlights",
        "uav/px4_like": "datasets.uav.px4_like:Px4Like",
    },
    "transforms": {
        "uav/course": "surrogates.domains.uav.frames:CourseFrame",
    },
    "preparations": {
        "uav/moved": "surrogates.domains.uav.augmentations:Moved",
        "uav/faster": "surrogates.domains.uav.augmentations:Faster",
        "uav/mirror": "surrogates.domains.uav.augmentations:Mirror",
        "uav/noise": "surrogates.domains.uav.augmentations:Noise",
    },
    "metrics": {
        "uav/ade": "surrogates.domains.uav.metrics:ade",
        "uav/fde": "surrogates.domains.uav.metrics:fde",
        "uav/displacement": "surrogates.domains.uav.metrics:Displacement",
        "uav/miss_rate": "surrogates.domains.uav.metrics:MissRate",
        "uav/horizon_coverage": "surrogates.domains.uav.metrics:horizon_coverage",
    },
    "baselines": {
        "uav/constant_velocity": "surrogates.domains.uav.kinematics:constant_velocity",
        "uav/constant_acceleration": "surrogates.domains.uav.kinematics:constant_acceleration",
        "uav/quadratic_fit": "surrogates.domains.uav.kinematics:quadratic_fit",
        "uav/kalman_cv": "surrogates.domains.uav.kalman:KalmanCV",
        "uav/kalman_ca": "surrogates.domains.uav.kalman:KalmanCA",
        "uav/coordinated_turn": "surrogates.domains.uav.kalman:CoordinatedTurn",
        "uav/imm": "surrogates.domains.uav.kalman:IMM",
    },
    "plots": {
        "uav/tracks": "surrogates.domains.uav.plots:Tracks",
        "uav/horizon": "surrogates.domains.uav.plots:Horizon",
    },
    "record_plots": {
        "uav/px4_like": "surrogates.domains.uav.plots:draw_record",
        "uav/csv": "surrogates.domains.uav.plots:draw_record",
        "uav/tum": "surrogates.domains.uav.plots:draw_record",
        "uav/rosbag": "surrogates.domains.uav.plots:draw_record",
        "uav/ulog": "surrogates.domains.uav.plots:draw_record",
    },
}
"""Import path of each registered object, by kind and name."""

OLD_NAMES: dict[str, dict[str, str]] = {
    "commands": {"stream": "uav/stream"},
    "transforms": {
        "uav_course": "uav/course",
    },
    "preparations": {
        "uav_moved": "uav/moved",
        "uav_faster": "uav/faster",
        "uav_mirror": "uav/mirror",
        "uav_noise": "uav/noise",
    },
    "metrics": {
        "ade": "uav/ade",
        "fde": "uav/fde",
        "displacement": "uav/displacement",
        "miss_rate": "uav/miss_rate",
        "horizon_coverage": "uav/horizon_coverage",
    },
    "baselines": {
        "constant_position": "persistence",
        "uav/constant_position": "persistence",
        "constant_velocity": "uav/constant_velocity",
        "constant_acceleration": "uav/constant_acceleration",
        "quadratic_fit": "uav/quadratic_fit",
        "kalman_cv": "uav/kalman_cv",
        "kalman_ca": "uav/kalman_ca",
        "coordinated_turn": "uav/coordinated_turn",
        "imm": "uav/imm",
    },
    "plots": {
        "uav_tracks": "uav/tracks",
        "uav_horizon": "uav/horizon",
    },
}
"""Names of the release before, which load with a warning."""

EXTRAS: dict[str, str] = {
    "pymavlink": "uav",
    "pyulog": "uav",
    "rosbags": "uav",
}
"""Extra of this package that installs an optional module."""

COMMANDS: dict[str, tuple[str, str]] = {
    "uav/stream": ("surrogates.domains.uav.command:stream", "Predict a flight while it is flown."),
}
"""Commands of the command line, with their line of help."""
