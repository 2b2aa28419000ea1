"""What is published of OpenFWI's families: the statistics that ours are calibrated to."""

from typing import NamedTuple


class Published(NamedTuple):
    """Statistics of one family: pressure of the gathers (source of amplitude 1), velocity in m/s."""

    pressure_min: float
    pressure_max: float
    pressure_std: float
    velocity_mean: float
    velocity_std: float


# dataset_config.json of lanl/OpenFWI (BSD-3, commit 4875480), the same in KGML-lab/GFI (commit cd0443b).
PUBLISHED = {
    "flatvel-a": Published(-26.95, 52.77, 1.4797, 2782.0, 786.2),
    "flatvel-b": Published(-27.17, 56.05, 1.7832, 3001.3, 866.7),
    "curvevel-a": Published(-27.11, 55.10, 1.4870, 2788.2, 794.2),
    "curvevel-b": Published(-29.04, 57.03, 1.7648, 3000.6, 865.4),
    "flatfault-a": Published(-26.10, 50.86, 1.5410, 3088.7, 855.4),
    "flatfault-b": Published(-24.86, 50.28, 1.4952, 3055.4, 875.9),
    "curvefault-a": Published(-26.48, 52.32, 1.5449, 3082.7, 852.4),
    "curvefault-b": Published(-24.93, 50.98, 1.5023, 3035.6, 890.5),
    "style-a": Published(-24.96, 48.93, 1.4618, 2728.5, 665.8),
    "style-b": Published(-23.76, 46.01, 1.4579, 2837.3, 637.7),
}
