"""The published loss, with the faults of the released code mended."""

from types import SimpleNamespace

import pytest
import torch

from surrogates.domains.radio.objectives import Geo2SigMapLoss

HEIGHT = torch.tensor([[[0.0, 10.0], [0.0, 0.0]]])


def loss_of(target: torch.Tensor, answer: float = -100.0) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    class Constant(SimpleNamespace):
        def __call__(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {"path_gain": torch.full_like(batch["path_gain"], answer)}

    pipeline = Constant(target_names=["path_gain"])
    return Geo2SigMapLoss()(
        pipeline, {"building_height": HEIGHT, "path_gain": target[None]}, torch.Generator()
    )


def test_loss_is_seven_parts_all_cells_and_three_parts_outdoor_cells() -> None:
    loss, parts = loss_of(torch.tensor([[-98.0, -103.0], [-100.5, -101.0]]))
    assert float(parts["all"]) == pytest.approx((4 + 9 + 0.25 + 1) / 4)
    assert float(parts["outdoor"]) == pytest.approx((4 + 0.25 + 1) / 3)
    assert float(loss) == pytest.approx(0.7 * 3.5625 + 0.3 * 1.75)


def test_outdoor_part_counts_cells_without_a_building() -> None:
    _, parts = loss_of(torch.tensor([[-100.0, -90.0], [-100.0, -100.0]]))
    assert float(parts["outdoor"]) == 0.0
    assert float(parts["all"]) == pytest.approx(25.0)


def test_targets_are_not_rounded_to_whole_decibels() -> None:
    loss, _ = loss_of(torch.full((2, 2), -100.4))
    assert float(loss) == pytest.approx(0.16, rel=1e-4)


def test_cell_without_a_ray_counts_as_the_floor_and_not_as_zero_decibels() -> None:
    loss, _ = loss_of(torch.full((2, 2), torch.nan))
    assert float(loss) == pytest.approx(60.0**2)
