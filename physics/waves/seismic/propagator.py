"""The acoustic wave equation by `deepwave`, set up so that gathers match OpenFWI's forward operator.

What differs from a plain call of ``deepwave.scalar`` (see `physics.waves.seismic.reference` for the scheme):
order 4 in space, whose dispersion OpenFWI's data carry; the source's sign; a record begins with the field
after the first step, one sample later than deepwave's. The absorbing layer depends only on the grid.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from physics.waves.seismic.checks import CRITICAL, FASTEST, surveys_of
from physics.waves.seismic.survey import Survey
from physics.waves.seismic.wavelet import ricker

LAYER = 20
"""Cells of the absorbing layer on each side."""
SHOTS = 80
"""Shots of one call: enough that the call itself costs nothing, few enough to stay in the cache."""
COURANT = CRITICAL * 2**0.5
"""Above this deepwave cuts a time step into several; `surveys_of` refuses what would need it."""


def simulate(
    velocity: np.ndarray, survey: Survey | Sequence[Survey], *, device: str | torch.device = "cpu"
) -> np.ndarray:
    """Return the gathers of velocity models, on one thread; the same bits however models are batched.

    Parameters
    ----------
    velocity : (models, depth, lateral) array
        m/s.
    survey
        One for all models, or one for each; these may differ in frequency and source columns.
    device
        Where to compute.

    Returns
    -------
    (models, shot, sample, receiver) float32 array
        Pressure for a source of amplitude 1.

    Raises
    ------
    ValueError
        See `physics.waves.seismic.checks.surveys_of`.
    """
    surveys = surveys_of(velocity, survey)
    velocity = np.ascontiguousarray(velocity, np.float32)
    batch = max(1, SHOTS // len(surveys[0].source_columns))
    with one_thread(), torch.no_grad():
        gathers = [
            propagate(
                torch.tensor(velocity[start : start + batch], device=device),
                surveys[start : start + batch],
            ).cpu()
            for start in range(0, len(velocity), batch)
        ]
    return torch.cat(gathers).numpy()


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch's CPU kernels on one thread, which is faster on grids this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def propagate(velocity: Tensor, survey: Survey | Sequence[Survey]) -> Tensor:
    """Return the gathers of velocity models, differentiable in the velocity.

    Parameters
    ----------
    velocity : (models, depth, lateral) tensor
        m/s.
    survey
        One for all models, or one for each; these may differ in frequency and source columns.

    Returns
    -------
    (models, shot, sample, receiver) tensor
        Pressure for a source of amplitude 1, of the velocity's type.

    Raises
    ------
    ValueError
        See `physics.waves.seismic.checks.surveys_of`.
    """
    surveys = surveys_of(velocity.detach(), survey)
    # The layer is made for the fastest velocity. Models above FASTEST are batched by their own.
    fastest = velocity.detach().amax((1, 2)).clamp(min=FASTEST)
    order, gathers = [], []
    for speed in fastest.unique():
        models = torch.nonzero(fastest == speed)[:, 0]
        gathers.append(_record(velocity[models], [surveys[model] for model in models], float(speed)))
        order.append(models)
    return torch.cat(gathers)[torch.cat(order).argsort()]


def _record(velocity: Tensor, surveys: list[Survey], fastest: float) -> Tensor:
    """Propagate all shots of all models at once; `fastest` shapes the absorbing layer."""
    deepwave = _deepwave()
    first, device = surveys[0], velocity.device
    shots, receivers = len(first.source_columns), len(first.receiver_columns)
    stride = _gradient_stride(surveys) if velocity.requires_grad else 1
    wavelets = {each.frequency: _amplitudes(each, stride).to(velocity) for each in surveys}
    columns = torch.tensor([each.source_columns for each in surveys], device=device).reshape(-1, 1)
    line = torch.tensor(first.receiver_columns, device=device).expand(len(columns), receivers)
    recorded = deepwave.scalar(
        velocity.repeat_interleave(shots, dim=0),
        first.spacing,
        first.time_step,
        source_amplitudes=torch.stack([wavelets[each.frequency] for each in surveys]).repeat_interleave(
            shots, dim=0
        )[:, None],
        source_locations=_cells(first.source_row, columns),
        receiver_locations=_cells(first.receiver_row, line),
        accuracy=4,
        pml_width=[0 if first.free_surface else LAYER, LAYER, LAYER, LAYER],
        boundary=["free" if first.free_surface else "pml", "pml", "pml", "pml"],
        # 15 Hz on OpenFWI's cells of 10 m. Not the source's frequency: that may differ within a batch.
        pml_freq=150.0 / first.spacing,
        max_vel=fastest,
        courant_number=COURANT,
        model_gradient_sampling_interval=stride,
    )[-1]
    gathers = recorded.reshape(len(surveys), shots, receivers, -1).transpose(2, 3)
    return gathers[:, :, 1 : first.steps + 1 : first.time_stride]


def _deepwave() -> ModuleType:
    """Import deepwave or say what to install."""
    try:
        return import_module("deepwave")
    except ModuleNotFoundError as error:
        message = 'simulating gathers needs deepwave; run `pip install "sciml-surrogates[seismic]"`'
        raise ModuleNotFoundError(message, name="deepwave") from error


def _amplitudes(survey: Survey, stride: int) -> Tensor:
    """Return the source with deepwave's sign, over at least one step more than recorded."""
    steps = -(-(survey.steps + 1) // stride) * stride
    return -torch.from_numpy(ricker(survey.frequency, survey.time_step, steps))


def _gradient_stride(surveys: list[Survey]) -> int:
    """Return how many steps lie between the fields that a gradient is summed from.

    A gradient is a product of two fields, which have next to no energy above 3 times the peak frequency.
    """
    shortest = 1 / (12 * max(survey.frequency for survey in surveys))
    return max(1, int(shortest / surveys[0].time_step))


def _cells(row: int, columns: Tensor) -> Tensor:
    """Return cells as deepwave expects them: (shot, point, 2)."""
    return torch.stack([torch.full_like(columns, row), columns], dim=-1)
