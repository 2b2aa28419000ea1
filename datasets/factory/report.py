"""Results of `verify`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field

Check = Literal["metadata", "units", "receipts", "checksums", "hashes", "values", "statistics", "splits"]
Answer = Literal["same", "different", "not comparable"]


class Problem(BaseModel):
    """One fault of a store; ``message`` says where it is and what to do."""

    model_config = ConfigDict(frozen=True)

    check: Check
    message: str
    variable: str | None = None
    row: int | None = None


class Resimulation(BaseModel):
    """How one unit compares with what the recipe makes now."""

    model_config = ConfigDict(frozen=True)

    unit: int
    first_record: int
    last_record: int
    answer: Answer
    detail: str


class Report(BaseModel):
    """The result of a verification, ready for JSON; of damaged metadata only the problems are told.

    Attributes
    ----------
    certified
        Whether a certificate covers the root's attributes; those of older releases have none.
    """

    model_config = ConfigDict(frozen=True)

    url: str
    recipe: str
    records: int
    rows: int
    complete_rows: int = 0
    fingerprint: str = ""
    certified: bool = True
    problems: list[Problem] = []
    resimulated: list[Resimulation] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """Whether the store has no fault; a unit that cannot be compared is none."""
        return not self.problems and all(unit.answer != "different" for unit in self.resimulated)
