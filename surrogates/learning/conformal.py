"""Split-conformal intervals, from a method's errors on data that it was not fitted to.

The score of a cell is |truth - prediction|, of complex cells their distance in the plane, over the predicted
standard deviation where there is one, and over `surrogates.learning.distance.stretch` of the record where the
interval shall widen with the distance to the training data. An interval of level 0.9 reaches as far as nine
of ten scores of the validation split did, whatever the distribution of the errors and however wrong the
standard deviations are.

What is exchangeable are records (or the blocks of records that a task names), not the cells of one record,
which share its luck: every block has the same weight, whatever its number of cells. For a target with one
value for each record, coverage is at least the level and at most 1 / (n + 1) above it, n being the number of
records. For a random cell of a new record of a field it is at least level * n / (n + 1) whatever the
dependence within records, and about the level when each record alone holds the whole range of errors.

Calibrated by group, whole groups are exchangeable, such as cities or vehicles: each has the same weight, and
the rank is that among the groups, of which one more, the new one, may lie above all. A random cell of a new
group is then covered with at least the level and at most 2 / (groups + 1) more, if the groups are drawn like
each other and the method has learned from none of them; it takes level / (1 - level) groups, 9 for 0.9.

References
----------
V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", 2005; J. Lei et al.,
"Distribution-free predictive inference for regression", JASA 2018, theorem 2.2; Y. Lee, R. F. Barber,
R. Willett, "Distribution-free inference with hierarchical data", arXiv:2306.06342, theorem 1 (the bound for
records of many cells, and by group); R. Dunn, L. Wasserman, A. Ramdas, "Distribution-free prediction sets for
two-layer hierarchical models", JASA 2022 (pooling the records' distributions); H. Papadopoulos, V. Vovk,
A. Gammerman, "Regression conformal prediction with nearest neighbours", JAIR 40, 2011 (scores over a
distance).
"""

from collections.abc import Sequence
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_ENTRIES = 1024
ROUNDING = 1e-9  # of a share, a sum of many small weights

Score = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class Calibration(BaseModel):
    """The distribution of the validation scores of one target, as plain numbers.

    Attributes
    ----------
    scores
        Ascending; in the target's units, or without units when `relative`.
    shares
        Share of the validation split whose score is at most that one; ascending. The last one is below 1
        where some scores were not finite.
    count
        Number of scores, for the finite-sample rank: with unequal weights (sum w)^2 / sum w^2; calibrated by
        group that of the groups.
    blocks
        Records, or blocks of them, or groups, that are exchangeable.
    relative
        Whether errors were divided by the predicted standard deviation.
    distant
        Whether they were divided by `surrogates.learning.distance.stretch`.
    groups
        Variables whose values are the groups, where it is calibrated by group.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scores: list[Score] = Field(min_length=1, max_length=MAX_ENTRIES)
    shares: list[Share] = Field(min_length=1, max_length=MAX_ENTRIES)
    count: float = Field(ge=1 - 1e-6, allow_inf_nan=False)
    blocks: int = Field(gt=0)
    relative: bool = False
    distant: bool = False
    groups: list[str] = Field(default=[], max_length=MAX_ENTRIES)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if len(self.scores) != len(self.shares):
            raise ValueError(
                f"a calibration has {len(self.scores)} scores and {len(self.shares)} shares; expected one "
                "share for each score"
            )
        for name, values in (("scores", self.scores), ("shares", self.shares)):
            if (np.diff(values) < 0).any():
                raise ValueError(f"the {name} of a calibration are not in ascending order")
        return self

    @classmethod
    def of(
        cls,
        scores: Sequence[np.ndarray],
        weights: Sequence[np.ndarray],
        blocks: np.ndarray,
        *,
        relative: bool,
        distant: bool = False,
        groups: Sequence[str] = (),
    ) -> Self | None:
        """Make the table of scores of several records.

        Parameters
        ----------
        scores, weights
            Of the cells that count, one array for each record; a score that is not finite lies above all
            others. Records without cells are left out.
        blocks
            Label of each record's block, shape (records,).
        relative, distant
            Whether errors were divided by a standard deviation, and by the stretch of the distance.
        groups
            Variables whose values the blocks are, to be calibrated by group.

        Returns
        -------
        Calibration
            None when there is not one finite score.
        """
        kept = [number for number, weight in enumerate(weights) if weight.sum() > 0]
        if not kept:
            return None
        labels, members = np.unique(np.asarray(blocks)[kept], return_inverse=True)
        sizes = np.bincount(members)[members]
        shares = [
            weights[number].astype(np.float64) / weights[number].sum() / size
            for number, size in zip(kept, sizes, strict=True)
        ]
        weight = np.concatenate(shares)
        score = np.concatenate([np.asarray(scores[number], np.float64) for number in kept])
        order = np.argsort(np.where(np.isfinite(score), score, np.inf), kind="stable")
        score, covered = score[order], np.cumsum(weight[order]) / weight.sum()
        score, covered = score[np.isfinite(score)], covered[: np.isfinite(score).sum()]
        if not score.size:
            return None
        if score.size > MAX_ENTRIES:
            wanted = np.linspace(1 / MAX_ENTRIES, 1.0, MAX_ENTRIES) * covered[-1]
            chosen = np.unique(np.searchsorted(covered, wanted - ROUNDING))
            score, covered = score[chosen], covered[chosen]
        return cls(
            scores=[float(f"{value:.7g}") for value in score],
            shares=[min(float(f"{value:.9g}"), 1.0) for value in covered],
            count=float(len(labels) if groups else weight.sum() ** 2 / (weight**2).sum()),
            blocks=len(labels),
            relative=relative,
            distant=distant,
            groups=list(groups),
        )

    def radius(self, level: float) -> float:
        """Half width of the interval, in standard deviations when `relative`; infinite without enough data.

        It is the ceil((n + 1) level)-th smallest of n scores.

        Parameters
        ----------
        level
            Wanted coverage, between 0 and 1.
        """
        wanted = level * (self.count + 1) / self.count - ROUNDING
        index = int(np.searchsorted(self.shares, wanted))
        return self.scores[index] if index < len(self.scores) else float("inf")

    def share_above(self, scores: np.ndarray) -> np.ndarray:
        """Return the share of the calibrating scores that are at least as large as each of some, 0 to 1."""
        below = np.concatenate([[0.0], self.shares])[np.searchsorted(self.scores, scores)]
        return np.clip(1.0 - below, 0.0, 1.0)

    @property
    def highest(self) -> float:
        """Highest level that a finite interval has."""
        return self.shares[-1] * self.count / (self.count + 1)

    @property
    def exchangeable(self) -> str:
        """What is exchangeable, as text for a message."""
        return f"groups of {', '.join(self.groups)}" if self.groups else "records or blocks"


def needed(level: float) -> int:
    """Return how many exchangeable records or groups a finite interval of a level takes at least."""
    return int(np.ceil(level / (1 - level) - ROUNDING))


def require_level(level: float) -> float:
    """Refuse a level outside (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval is {level}; expected a number between 0 and 1, e.g. 0.9.")
    return level
