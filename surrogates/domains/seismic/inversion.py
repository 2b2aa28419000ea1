"""Inversion of gathers by a surrogate of velocity models: `surrogates.load(...).seismic.invert(gathers)`."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from datasets.store.checks import check
from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from physics.waves.seismic.inversion import Widths, levels_of, refine, require_count, stages_of
from physics.waves.seismic.noise import noise_level
from physics.waves.seismic.propagator import simulate
from physics.waves.seismic.survey import Survey
from surrogates.core.optional import require
from surrogates.core.progress import Progress
from surrogates.domains.seismic.acquisition import (
    solver_device,
    sources_of,
    surveys_of_records,
    valid_range,
)
from surrogates.domains.seismic.judgement import TRUSTED_BELOW, judged, warn_of
from surrogates.domains.seismic.names import GATHER, TIME, VELOCITY
from surrogates.experiment.devices import choose_device
from surrogates.inference.attributes import check_attributes
from surrogates.inference.resampling import resampled
from surrogates.inference.surrogate import Surrogate


def invert(
    surrogate: Surrogate,
    gathers: xr.Dataset,
    refine_steps: int = 0,
    *,
    frequencies: Sequence[float] | None = None,
    smoothing: Widths | Sequence[Widths] | None = None,
    noise: float | Sequence[float] | np.ndarray | None = None,
    trusted_below: float = TRUSTED_BELOW,
    batch_size: int | None = None,
    device: str | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Predict velocity models from gathers, simulate their gathers, and make them fit better.

    Parameters
    ----------
    surrogate
        Surrogate of `velocity_model` from `shot_gather`, or trained both ways; an ensemble adds a deviation.
    gathers
        What `surrogate.predict` takes. The network sees a trace with NaN (a dead receiver) as zeros,
        and the misfit ignores it.
    refine_steps
        Steps of the optimiser that minimises the misfit from the network's answer on; each costs about
        three simulations of each sample. See `physics.waves.seismic.inversion.refine`.
    frequencies, smoothing
        Corners of the stages, Hz, and the Gaussian that smooths the change, in cells, as for `refine`.
        `frequencies=()` is one stage with the whole gathers.
    noise : (records,) array or number, optional
        Norm of the noise over that of the gathers, where refinement stops. By default it is estimated from
        what was recorded before the first break, by the largest valid velocity.
    trusted_below
        Largest misfit beyond the noise, after refinement, of a record that is trusted. The default, 0.15, was
        set on simulated families apart from training, where four of five refinements of one stage that left
        more had become worse. In stages few become worse, and most that it warns of became better.
    batch_size, device
        As for `surrogate.predict`; simulations run there too.
    progress
        Whether to show the progress of the refinement.

    Returns
    -------
    xr.Dataset
        `velocity_model`, the network's answer within the valid range, and `velocity_model_standard_deviation`
        of an ensemble; `shot_gather_resimulated`; `data_misfit`, the relative L2 difference of simulated and
        observed gathers, of each sample along `step`, where step 0 is the network's answer; `noise_level`,
        what noise makes of it (NaN where neither given nor told by the record, which counts as none). With
        refinement also `velocity_model_refined` and `shot_gather_refined`; `remaining_misfit`, the last
        misfit without the noise, `remaining_share`, that over the network's, and `refinement_trusted`, a
        flag.

    Warns
    -----
    RefinementWarning
        Names the records that are not trusted, and what to do.

    Raises
    ------
    ContractError
        When the surrogate predicts something else, or the gathers were recorded in another way than those of
        training, or their source is unknown.
    ValueError
        If a key of the refinement is not as above.
    """
    require("deepwave", "Inverting gathers")
    require_count("refine_steps", refine_steps)
    if not trusted_below > 0:
        raise ValueError(f"trusted_below is {trusted_below}; expected a misfit above 0, such as 0.15")
    surrogate = _of_velocity(surrogate)
    if device is not None:
        surrogate.bundle.to(choose_device(device))
    if GATHER not in gathers.variables:
        raise ContractError(
            f"no variable '{GATHER}' among {sorted(map(str, gathers.variables))}; rename yours"
        )
    record = surrogate.record_dimension
    single = record not in gathers[GATHER].dims
    whole = gathers.expand_dims(record) if single else gathers
    check_attributes(whole, surrogate.inputs.values())
    recorded = whole[GATHER].notnull()
    recorded = recorded.all([dim for dim in recorded.dims if dim == TIME])
    whole = whole.assign({GATHER: whole[GATHER].fillna(0.0)})
    whole = resampled(whole, surrogate.bundle.manifest.coordinates, surrogate.inputs.values())
    whole = check(whole, list(surrogate.inputs.values()), record_dimension=record)
    surveys = _surveys(surrogate, whole)
    for survey in surveys:
        stages_of(refine_steps, frequencies, smoothing, survey)
    given = None if noise is None else levels_of(noise, len(surveys))
    answer = surrogate.predict(whole, batch_size)

    spec, gather_spec = surrogate.outputs[VELOCITY], surrogate.inputs[GATHER]
    bounds = valid_range(spec)
    answer[VELOCITY] = answer[VELOCITY].clip(*bounds, keep_attrs=True)
    start = answer[VELOCITY].transpose(*spec.dims)
    observed = whole[GATHER].where(recorded).transpose(*gather_spec.dims).to_numpy()
    level = noise_level(observed, surveys, bounds[1]) if given is None else given
    where = solver_device(surrogate.bundle.device)
    with Progress(refine_steps * len(surveys), shown=progress and refine_steps > 0) as bar:
        refined = refine(
            start.to_numpy(), observed, surveys, refine_steps,
            frequencies=frequencies, smoothing=smoothing, noise=np.nan_to_num(level),
            bounds=bounds, device=where, progress=bar.advance,
        )  # fmt: skip

    def gather(velocity: np.ndarray, long_name: str) -> xr.DataArray:
        values = simulate(velocity, surveys, device=where)
        known = {dim: whole[dim] for dim in gather_spec.dims if dim in whole.coords}
        about = {"units": gather_spec.units, "long_name": long_name}
        return xr.DataArray(values, known, gather_spec.dims, attrs=about)

    steps = {
        "step": ("step", np.arange(refine_steps + 1), {"units": "1", "long_name": "step of the refinement"})
    }
    misfit = {"units": "1", "long_name": "relative L2 difference of simulated and observed gathers"}
    of_noise = {"units": "1", "long_name": "relative L2 norm of the noise of observed gathers"}
    found = answer.assign_coords(steps).assign(
        shot_gather_resimulated=gather(start.to_numpy(), "gathers of the predicted velocity model"),
        data_misfit=xr.DataArray(refined.misfit, dims=(record, "step"), attrs=misfit),
        noise_level=xr.DataArray(level, dims=record, attrs=of_noise),
    )
    if refine_steps:
        about = {"units": spec.units, "long_name": f"{spec.long_name}, refined by the misfit of its gathers"}
        found = found.assign(
            velocity_model_refined=start.copy(data=refined.velocity).assign_attrs(about),
            shot_gather_refined=gather(refined.velocity, "gathers of the refined velocity model"),
        )
        verdict = judged(refined.misfit, level, trusted_below, record)
        warn_of(verdict, whole.get_index(record).tolist(), stacklevel=4)
        found = found.assign(verdict)
    return found.isel({record: 0}) if single else found


def _of_velocity(surrogate: Surrogate) -> Surrogate:
    """Return the direction of the surrogate that predicts velocity models."""
    if surrogate.bundle.both_ways and VELOCITY in surrogate.inputs:
        surrogate = surrogate.reversed()
    if VELOCITY not in surrogate.outputs or GATHER not in surrogate.inputs:
        raise ContractError(
            f"this surrogate predicts {sorted(surrogate.outputs)} from {sorted(surrogate.inputs)}, expected "
            f"'{VELOCITY}' from '{GATHER}'; load one that was trained for inversion"
        )
    return surrogate


def _surveys(surrogate: Surrogate, gathers: xr.Dataset) -> list[Survey]:
    """Return the survey of each record; the gathers' own attributes precede those of training."""
    trained = surrogate.inputs[GATHER]
    attributes = trained.attributes | gathers[GATHER].attrs
    spec: VariableSpec = trained.model_copy(update={"attributes": attributes})
    trained_coordinates = {
        dim: xr.DataArray(each.values, dims=dim, attrs=each.attributes)
        for dim, each in surrogate.bundle.manifest.coordinates.items()
    }
    record = surrogate.record_dimension
    sources = sources_of(gathers, trained, trained_coordinates, record)
    coordinates: Mapping[str, xr.DataArray] = {
        **trained_coordinates,
        **{str(dim): value for dim, value in gathers.coords.items()},
    }
    return surveys_of_records(spec, coordinates, gathers.sizes[record], sources)
