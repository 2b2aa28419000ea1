"""Deep shadow: cells that no ray reaches are predicted below what a receiver hears."""

from typing import Literal

import numpy as np
import torch

from surrogates.domains.radio.preparations.maps import Outdoor
from surrogates.learning.contract import Objective
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from tests.pieces.radio import GEOMETRY, batch, context


def streets(share: float) -> dict[str, torch.Tensor]:
    """A map on which rays reach all cells in sight of the mast, and of those behind the wall a share."""
    made = {name: batch(count=1)[name] for name in (*GEOMETRY, "path_gain")}
    made["transmitter_position"] = torch.tensor([[64.0, 20.0, 6.0]])
    noise = torch.Generator().manual_seed(0)
    rows = torch.arange(32.0)[None, :, None]
    gain = -80.0 - rows + torch.randn(1, 32, 32, generator=noise)
    behind = rows.expand_as(gain) > 17
    made["path_gain"] = torch.where(
        behind & (torch.rand(1, 32, 32, generator=noise) > share), torch.nan, gain
    )
    return made


def trained(unreached: Literal["leave_out", "weakest"], share: float) -> torch.Tensor:
    """Quantiles behind the wall, in its middle, (level, cells), after some steps."""
    given = Outdoor(unreached=unreached)(streets(share), [np.random.default_rng(0)], train=True)
    known = context("path_gain", inputs=GEOMETRY)
    config = PipelineConfig(
        inputs=list(known.inputs),
        targets=list(known.targets),
        transform={"name": "radio/physics"},
        network={"name": "mlp", "width": 16, "depth": 1},
        head={"name": "quantiles"},
    )
    torch.manual_seed(0)
    pipeline = Pipeline(config, known)
    pipeline.fit_normalisers([given])
    objective: Objective = Objective.build({"name": "regression"}, known)
    optimiser = torch.optim.Adam(pipeline.parameters(), lr=0.05)
    for _ in range(70):
        loss, _ = objective(pipeline, given, torch.Generator())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return pipeline(given)["path_gain_quantile"][0, :, 20:26, 12:20].flatten(1)


def test_the_median_is_the_sensitivity_where_no_ray_reaches() -> None:
    assert float(trained("weakest", 0.0)[2].median()) < -125.0


def test_where_some_rays_reach_the_quantiles_hold_both() -> None:
    lowest, *_, highest = trained("weakest", 0.6).median(dim=1).values
    assert float(lowest) < -125.0
    assert float(highest) > -115.0


def test_without_such_cells_nothing_is_predicted_below_what_was_learned() -> None:
    assert float(trained("leave_out", 0.6).median()) > -115.0
