"""The ray tracer itself with fewer rays: what the same time gives without learning."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import NonNegativeInt, PositiveInt

from physics.raytracing.scenes import CITIES, Window, load_city
from physics.raytracing.solver import Pattern, Settings, trace_path_gain
from surrogates.data.batch import Batch
from surrogates.domains.radio.baselines.formulas import DIRECTIONAL
from surrogates.domains.radio.link import AZIMUTH, GROUND, LINK_FACTS, POSITION
from surrogates.learning.context import Context, Fact
from surrogates.learning.contract import Baseline

UNREACHED = -140.0  # dB; value of a cell that no ray reached


class FewerRays(Baseline):
    """Trace each map in its city scene.

    Parameters
    ----------
    context
        Context of the data.
    facts
        Values of `surrogates.domains.radio.link.LINK_FACTS`.
    rays, depth
        Rays per transmitter, and largest number of reflections.
    """

    facts: ClassVar[Mapping[str, Fact]] = LINK_FACTS
    variables = ("city", "window", "window_west", "window_south")

    def __init__(
        self,
        context: Context,
        facts: Mapping[str, float],
        rays: PositiveInt = 100_000,
        depth: NonNegativeInt = 8,
    ) -> None:
        self.targets, self.cell = context.target_names, facts["cell"]
        self.settings = Settings(facts["frequency"], rays, depth, receiver_height=facts["receiver_height"])

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the traced map of each example; cells without a ray get -140 dB."""
        count = len(inputs[POSITION])
        maps = {name: [self._trace(inputs, number, name) for number in range(count)] for name in self.targets}
        return {name: torch.from_numpy(np.stack(each)).to(inputs[GROUND]) for name, each in maps.items()}

    def _trace(self, inputs: Batch, number: int, target: str) -> np.ndarray:
        pattern: Pattern = "tr38901" if target == DIRECTIONAL else "iso"
        ground = inputs[GROUND][number].cpu().numpy()
        index = int(inputs["window"][number])
        west, south = (float(inputs[f"window_{side}"][index]) for side in ("west", "south"))
        window = Window(west, south, size=ground.shape[0] * self.cell, cell=self.cell)
        scene = load_city(_city(int(inputs["city"][number])))
        azimuth = inputs[AZIMUTH][number : number + 1].cpu().numpy() if pattern == "tr38901" else None
        east, north, height = inputs[POSITION][number].cpu().double().numpy()
        row, column = int(north // self.cell), int(east // self.cell)
        stands = np.array([[west + east, south + north, height + ground[row, column]]])
        gain = trace_path_gain(
            scene, window, stands, self.settings, seed=1, patterns=(pattern,), azimuths=azimuth
        )[0, 0]
        return np.nan_to_num(gain, nan=UNREACHED)


def _city(number: int) -> str:
    """Return the name of the city scene that a value of the variable `city` stands for."""
    if number >= len(CITIES):
        raise ValueError(
            f"city {number} is no scene of Sionna RT but a map extract, which the baseline radio/ray_tracer "
            "does not have; take it off `task.baselines`"
        )
    return list(CITIES)[number]
