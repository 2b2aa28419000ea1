"""Counts that processes share."""

import pytest
import torch

from surrogates.learning import ranks
from surrogates.learning.ranks import mean_over_ranks, shared_batch


def test_alone_counts_stay_as_they_are():
    counts = [torch.tensor(3.0), torch.tensor(5.0)]
    assert all(one is two for one, two in zip(mean_over_ranks(counts), counts, strict=True))


def test_mean_of_shares_over_the_mean_count_is_the_mean_over_all_cells(monkeypatch):
    """Two processes with 1 and 3 cells that count; the other one is played by a function."""
    errors, counts = [torch.tensor(2.0), torch.tensor(12.0)], [torch.tensor(1.0), torch.tensor(3.0)]
    monkeypatch.setattr(ranks.distributed, "get_world_size", lambda: 2)
    parts = []
    for mine, other in ((0, 1), (1, 0)):
        monkeypatch.setattr(
            ranks.distributed, "all_reduce", lambda values, other=other: values.add_(counts[other])
        )
        with shared_batch():
            (count,) = mean_over_ranks([counts[mine]])
        parts.append(errors[mine] / count)
    assert float(sum(parts) / 2) == pytest.approx(14.0 / 4.0)
    assert float(counts[0]) == 1.0
