"""How far a record is from the training data, by what the network is given of it.

A record is described by its level, spread, slopes and curvatures in each channel of the network's input,
after transform and normaliser: where these leave out what does not matter, such as an origin or a direction,
so does the distance. The distance is the mean of those to the nearest records of training, in units of the
median of the training records' own: about 1 for a record like them.

What trust falls with is the distance and, where the network tells how large its errors are, both multiplied.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from surrogates.learning.answers import reaches
from surrogates.learning.pipeline import Pipeline

DISTANCE = "distance to the training data"
"""Name by which an answer holds the distance of each record, shape (batch,)."""
DOUBT = "what trust falls with"
"""Name by which an answer holds the doubt of each record, shape (batch,)."""
NEAREST = 5
MOST_RECORDS, MOST_NUMBERS = 1024, 1 << 18  # of neighbours; more would say little and fill the bundle
MOST_FEATURES = 4096  # of a record; of more channels one description is made of all together
FARTHEST = 1e9
SMALLEST = 0.01  # of a normalised input: a feature that varies less is taken to vary so much


@dataclass(frozen=True)
class Neighbours:
    """Descriptions of training records, to which those of other records are compared.

    Attributes
    ----------
    records
        Shape (record, feature), divided by `scale` after `mean` was taken off.
    mean, scale
        Of each feature over the training records.
    unit
        Median distance of a training record to its nearest of other blocks.
    """

    records: Tensor
    mean: Tensor
    scale: Tensor
    unit: float

    @classmethod
    def of(cls, described: Tensor, blocks: np.ndarray) -> Self:
        """Make neighbours of training records.

        Parameters
        ----------
        described
            From `watched`, (record, feature), of two records or more; some evenly spaced ones are kept.
        blocks
            Label of each record's block; windows of one flight are near each other, which says nothing.
        """
        most = max(2, min(MOST_RECORDS, MOST_NUMBERS // described.shape[1]))
        chosen = evenly(len(described), most)
        kept, labels = described[chosen].cpu().float(), np.unique(blocks[chosen], return_inverse=True)[1]
        mean, scale = kept.mean(0), kept.std(0, correction=0).clamp(min=SMALLEST)
        records = (kept - mean) / scale
        between = _distances(records, records)
        own = torch.from_numpy(labels[:, None] == labels[None, :])
        if labels.max() == 0:
            own = torch.eye(len(labels), dtype=torch.bool)
        unit = float(_mean_of_nearest(between.masked_fill(own, torch.inf)).median())
        return cls(records, mean, scale, unit if unit > 0 else 1.0)

    def __call__(self, described: Tensor) -> Tensor:
        """Return the distance of each record, (batch,); `FARTHEST` where a feature is not finite."""
        records, mean, scale = (each.to(described.device) for each in (self.records, self.mean, self.scale))
        between = _distances((described.float() - mean) / scale, records)
        return (_mean_of_nearest(between) / self.unit).clamp(max=FARTHEST)


def stretch(distance: Any) -> Any:
    """Return the factor by which an interval is wider at a distance; 1 for a record like those of training.

    Half of the width is constant, half grows with the distance.

    References
    ----------
    H. Papadopoulos, V. Vovk, A. Gammerman, "Regression conformal prediction with nearest neighbours", Journal
    of Artificial Intelligence Research 40, 2011: the score is |error| / (gamma + lambda), where lambda is the
    distance to the nearest neighbours over its median; gamma is 1 here.
    """
    return (1 + distance) / 2


def doubt(answer: Mapping[str, Any], targets: Iterable[str]) -> Tensor:
    """Return the expected size of each record's errors, (batch,), or its distance where nothing tells more.

    It is the predicted deviation, wider with the distance as an interval is: of each target the mean over
    its cells, of several targets the geometric mean, so that their units only scale it.

    Parameters
    ----------
    answer
        Tensors by name, with the distance of each record by `DISTANCE`.
    targets
        Names of the targets.
    """
    distance: Tensor = answer[DISTANCE]
    known = [found for found in (reaches(answer, name) for name in targets) if found is not None]
    if not known:
        return distance
    sizes = torch.stack(
        [((below + above) / 2).reshape(len(distance), -1).nanmean(1) for below, above in known]
    )
    expected = sizes.clamp(min=torch.finfo(sizes.dtype).tiny).log().mean(0).exp()
    return stretch(distance) * expected


def evenly(count: int, most: int) -> np.ndarray:
    """Return at most so many indices of `count`, evenly spaced from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


@contextmanager
def watched(pipeline: Pipeline) -> Iterator[list[Tensor]]:
    """Yield a list that receives the description of what the pipeline's network is given first.

    Only this thread's calls are seen. The description has the shape (record, feature). Coordinates of points
    at which a network is asked are no part of it.
    """
    seen: list[Tensor] = []
    thread = threading.get_ident()

    def note(given: Iterable[Any], named: Mapping[str, Any]) -> None:
        if seen or threading.get_ident() != thread:
            return
        left_out = pipeline.transform.channels_last
        tensors = [*given, *(each for name, each in named.items() if name not in left_out)]
        seen.append(torch.cat([describe(each, pipeline.layout.folded) for each in tensors], dim=1))

    def before(_: nn.Module, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        note(given, named)

    def normalised(_: nn.Module, __: tuple[Any, ...], channels: Any) -> None:
        named = {"": channels} if isinstance(channels, Tensor) else channels
        note((), {name: each.nan_to_num(nan=0.0) for name, each in named.items()})

    if pipeline.head.denoises:  # its network sees noise too, and a record several times
        handle = pipeline.input_normaliser.register_forward_hook(normalised)
    else:
        handle = pipeline.network.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield seen
    finally:
        handle.remove()


def describe(channels: Tensor, folded: int = 1) -> Tensor:
    """Return level and spread of each channel, slope and curvature along each axis, (record, feature).

    Parameters
    ----------
    channels
        Shape (record * folded, channel, *grid). Without a grid there is only the level: the value itself.
    folded
        Rows of a record.
    """
    values = channels.detach().float()
    values = values.reshape(len(values) // folded, folded, *values.shape[1:]).transpose(1, 2)
    if values.shape[1] * 2 * (values.ndim - 2) > MOST_FEATURES:
        values = values.reshape(len(values), 1, -1, *values.shape[3:])
    cells = values.flatten(2)
    found = [cells.mean(2)]
    if cells.shape[2] > 1:
        found.append(cells.std(2, correction=0))
        found += [_roughness(values, axis, order) for axis in range(3, values.ndim) for order in (1, 2)]
    return torch.cat(found, dim=1)


def _roughness(values: Tensor, axis: int, order: int) -> Tensor:
    """Return the root mean square of differences between neighbours along an axis, (record, channel)."""
    if values.shape[axis] <= order:
        return values.new_zeros(values.shape[:2])
    return values.diff(order, dim=axis).square().flatten(2).mean(2).sqrt()


def _distances(some: Tensor, others: Tensor) -> Tensor:
    # Through a matrix product the distance would depend on which records are asked about together.
    return torch.cdist(some, others, compute_mode="donot_use_mm_for_euclid_dist")


def _mean_of_nearest(between: Tensor) -> Tensor:
    """Return the mean of the smallest distances of each row that are finite; infinite without any."""
    nearest = between.topk(min(NEAREST, between.shape[1]), largest=False).values
    known = nearest.isfinite()
    return (nearest.where(known, 0.0).sum(1) / known.sum(1)).nan_to_num(nan=torch.inf)
