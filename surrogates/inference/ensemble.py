"""Several bundles as one surrogate: the moments of the mixture of their predictions."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.inference.errors import BundleError
from surrogates.inference.grid import check_grid
from surrogates.inference.manifest import FORMAT_VERSION, MANIFEST, Manifest, sha256
from surrogates.learning.answers import LEVELS, deviation_name, member_name, quantile_name
from surrogates.learning.directions import is_direction, mean_direction


def mixture(answers: Sequence[Batch], targets: Sequence[VariableSpec]) -> Batch:
    """Return mean and standard deviation of the equal mixture of several predictions.

    The mean is that of the means; the variance is the mean of the predicted variances, 0 where a member
    predicts none, plus the variance of the means, of complex values that of both parts together. Quantiles of
    one level are averaged. Of directions it is the mean direction and the angular deviation about it.

    Parameters
    ----------
    answers
        Of each member: targets, and where it predicts them `<target>_standard_deviation`.
    targets
        Specs of the targets.

    References
    ----------
    B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive uncertainty estimation using
    deep ensembles", NeurIPS 2017, section 2.4.
    """
    mixed: Batch = {}
    for spec in targets:
        name = spec.name
        if is_direction(spec):
            own = torch.stack([answer[name] for answer in answers], dim=1)
            mixed[name], mixed[deviation_name(name)] = mean_direction(own, spec)
            continue
        if all(quantile_name(name) in answer for answer in answers):
            for each in (name, quantile_name(name)):
                mixed[each] = torch.stack([answer[each] for answer in answers]).mean(0)
            mixed[LEVELS] = answers[0][LEVELS]
            continue
        means = torch.stack([answer[name] for answer in answers])
        mixed[name] = means.mean(0)
        variance = means.var(0, correction=0)
        variance = variance + sum(_variance(answer, name) for answer in answers) / len(answers)
        mixed[deviation_name(name)] = variance.sqrt()
    return mixed


def members_of(answers: Sequence[Batch], targets: Sequence[str]) -> Batch:
    """Return the answers of networks as members, (batch, member, ...), one of each network."""
    return {member_name(name): torch.stack([answer[name] for answer in answers], dim=1) for name in targets}


def in_turn(drawn: Sequence[Batch], members: Sequence[int], targets: Sequence[str]) -> Batch:
    """Return members in the order of their numbers, member i of the network i mod networks.

    Parameters
    ----------
    drawn
        Of each network its members, (batch, member, ...), in ascending order; empty without any.
    members
        Numbers of all of them.
    targets
        Names of the targets.
    """
    owners = [member % len(drawn) for member in members]
    order = [(owner, owners[:index].count(owner)) for index, owner in enumerate(owners)]
    return {
        name: torch.stack([drawn[owner][name][:, index] for owner, index in order], dim=1) for name in targets
    }


def _variance(answer: Batch, name: str) -> Tensor:
    deviation = answer.get(deviation_name(name))
    return torch.zeros_like(answer[name].real) if deviation is None else deviation.square()


def require_fitting(members: Mapping[str, Manifest]) -> None:
    """Refuse manifests, given by name, that are not two or more of the same task.

    Raises
    ------
    BundleError
        Names the member that does not fit.
    """
    if len(members) < 2:
        raise BundleError(f"An ensemble needs two members or more, found {len(members)}.")
    first, *_ = members
    for label, manifest in members.items():
        if manifest.members:
            raise BundleError(f"{label} is an ensemble itself; give its members instead.")
        if manifest.pipeline.both_ways != members[first].pipeline.both_ways:
            both, one = (label, first) if manifest.pipeline.both_ways else (first, label)
            raise BundleError(
                f"{both} answers both ways, {one} one alone; the members of an ensemble answer the same."
            )
        if manifest.pipeline.head.get("levels") != members[first].pipeline.head.get("levels"):
            raise BundleError(f"{label} answers other quantiles than {first}; members answer the same.")
        for what in ("inputs", "targets", "record_dimension"):
            mine, its = (getattr(each.pipeline, what) for each in (members[first], manifest))
            if mine != its:
                raise BundleError(
                    f"{label} has other {what.replace('_', ' ')} than {first}: {_words(its)} instead of "
                    f"{_words(mine)}; the members of an ensemble predict the same from the same."
                )
        try:
            check_grid(xr.Dataset(coords=manifest.context.shared), members[first].coordinates)
        except ContractError as error:
            raise BundleError(
                f"{label} was trained on other cells than {first}: {error}, or join bundles of one grid."
            ) from None


def joint_manifest(
    members: Sequence[Manifest], hashes: Mapping[str, str], name: str, provenance: Mapping[str, Any]
) -> Manifest:
    """Return the manifest of an ensemble, which is not calibrated and not scored.

    Parameters
    ----------
    members
        Manifests that fit together.
    hashes
        SHA-256 of each member's `bundle.yaml`, by the name of its folder.
    name, provenance
        For people.
    """
    first = members[0]
    ranges = {
        variable: (
            min(each.ranges.get(variable, ends)[0] for each in members),
            max(each.ranges.get(variable, ends)[1] for each in members),
        )
        for variable, ends in first.ranges.items()
    }
    return Manifest(
        format_version=FORMAT_VERSION,
        name=name,
        pipeline=first.pipeline,
        predictor=first.predictor,
        members=dict(hashes),
        ranges=ranges,
        coordinates=first.coordinates,
        mask=first.mask,
        specs=first.specs,
        scalars=first.scalars,
        stated=first.stated,
        provenance=dict(provenance),
        versions=first.versions,
        files={},
    )


def copy_members(sources: Sequence[Path], folder: Path) -> dict[str, str]:
    """Copy bundles into a folder, numbered from 1; return the hash of each one's `bundle.yaml`."""
    hashes = {}
    for number, source in enumerate(sources, start=1):
        name = f"member-{number}"
        shutil.copytree(source, folder / name)
        hashes[name] = sha256(folder / name / MANIFEST)
    return hashes


def _words(value: object) -> str:
    return listing(spec.name for spec in value) if isinstance(value, list) else repr(value)
