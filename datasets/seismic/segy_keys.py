"""What a user may say of SEG-Y files whose headers are empty or wrong."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator


class LayoutKeys(BaseModel):
    """What a user may say of the layout of SEG-Y files."""

    byte_order: Literal["big", "little"] | None = Field(
        default=None, description="Of headers and samples of SEG-Y; by default found in each file."
    )
    sample_format: Literal[1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16] | None = Field(
        default=None,
        description="Code of the format of SEG-Y's samples instead of that in bytes 3225-3226: 1 IBM "
        "floats, 5 IEEE floats, 2 and 3 integers of 4 and 2 bytes, 8 of 1 byte.",
    )


class GatherKeys(LayoutKeys):
    """What a user may say of the headers of SEG-Y files."""

    measurement_system: Literal["m", "ft"] | None = Field(
        default=None, description="Unit of lengths instead of that in bytes 3255-3256."
    )
    coordinate_units: Literal["length", "arcseconds", "degrees", "dms"] | None = Field(
        default=None, description="Units of coordinates instead of those in bytes 89-90; dms is DDDMMSS.ss."
    )
    coordinate_bytes: dict[Literal["source_x", "source_y", "receiver_x", "receiver_y"], int] = Field(
        default={},
        description="First byte of a coordinate, an integer of 4 bytes, where it is not 73, 77, 81 or 85.",
    )
    coordinate_format: Literal[1, 2, 5] = Field(
        default=2,
        description="Code of the format of coordinates: 2 integers, as the standard says; 1 IBM floats, 5 "
        "IEEE floats.",
    )
    geometry: Literal["coordinates", "offsets"] = Field(
        default="coordinates",
        description="Positions are coordinates, or the distances from the shot in bytes 37-40 of each "
        "field record (bytes 9-12).",
    )
    sample_interval: float | None = Field(
        default=None,
        gt=0,
        description="Time between samples, s; instead of those in bytes 3217-3218 and 117-118.",
    )
    first_sample: float | None = Field(
        default=None,
        description="Time of the first sample after the shot, s; instead of those in bytes 105-110.",
    )
    scale_amplitudes: bool = Field(
        default=True,
        description="Multiply by what bytes 169-170 (weighting) and 205-210 (transduction) state.",
    )
    leave_out: dict[int, int | tuple[int, ...]] = Field(
        default={},
        description="Values of header words, by their first byte, whose traces are left out, such as {9: "
        "[3, 4]}.",
    )

    @field_validator("leave_out", "coordinate_bytes")
    @classmethod
    def _words_begin_in_the_header(
        cls, given: dict[object, object], info: ValidationInfo
    ) -> dict[object, object]:
        starts = given if info.field_name == "leave_out" else given.values()
        if bad := [start for start in starts if not isinstance(start, int) or not 1 <= start <= 237]:
            raise ValueError(f"{bad[0]} is no byte of a trace header, 1 to 237 expected")
        return given
