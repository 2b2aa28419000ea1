"""What an importer leaves out of its files: counted by cause, said, stored, and refused beyond a share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from datasets.factory.errors import BuildError

ATTRIBUTE = "left_out"
"""Global attribute of a store that keeps the counts."""
MOST = 0.05

MostLeftOut = Annotated[
    float,
    Field(ge=0, le=1, description="Largest share of the files' content that may be left out unasked."),
]
"""Type of the parameter `most_left_out` of importers; its default is `MOST`."""


@dataclass(frozen=True)
class LeftOut:
    """How many things of one kind were left out, and why.

    Attributes
    ----------
    what
        What is counted, in the plural, such as ``traces``.
    total
        How many the files hold, those left out included.
    causes
        How many were left out unasked, by cause, such as ``{"auxiliary (trace identifier 9)": 3}``.
    chosen
        How many were left out because a key, or the files themselves, say so, by cause; they do not count
        towards `most`.
    most
        Largest share of the others that may be left out.
    """

    what: str
    total: int
    causes: Mapping[str, int]
    chosen: Mapping[str, int] = field(default_factory=dict)
    most: float = MOST

    def counts(self) -> dict[str, int]:
        """Return the total and the counts by cause, without those of zero."""
        found = [*self.causes.items(), *self.chosen.items()]
        return {"total": self.total} | {cause: count for cause, count in found if count}

    def remark(self) -> str:
        """Return a line for the user; empty where nothing was left out."""
        counts = {cause: count for cause, count in self.counts().items() if cause != "total"}
        if not counts:
            return ""
        causes = ", ".join(f"{count} {cause}" for cause, count in counts.items())
        return f"{sum(counts.values())} of {self.total} {self.what} left out: {causes}"

    def few(self) -> bool:
        """Tell whether what was left out unasked is within `most` of the rest."""
        return sum(self.causes.values()) <= self.most * (self.total - sum(self.chosen.values()))

    def require_few(self) -> None:
        """Refuse files of which too much would be left out.

        Raises
        ------
        BuildError
            Names the causes, the share, and the key that allows more.
        """
        left, rest = sum(self.causes.values()), self.total - sum(self.chosen.values())
        if not self.few():
            causes = ", ".join(f"{count} {cause}" for cause, count in self.causes.items() if count)
            raise BuildError(
                f"{left} of {rest} {self.what} ({left / rest:.1%}) cannot be used: {causes}; at most "
                f"{self.most:.1%} expected. Mend the files, or allow more by "
                f"`most_left_out={_above(left / rest)}`"
            )


def stored(left_out: Sequence[LeftOut]) -> dict[str, dict[str, int]]:
    """Return the counts by what is counted, as a store keeps them."""
    return {each.what: each.counts() for each in left_out}


def _above(share: float) -> str:
    """Return a share that allows this one, rounded up to percents."""
    return f"{min(1.0, -(-share * 100 // 1) / 100):g}"
