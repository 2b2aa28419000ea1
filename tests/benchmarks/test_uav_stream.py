"""The speed row of streamed predictions."""

import torch

from benchmarks.uav_stream import stream_row


def test_a_streamed_prediction_is_measured_against_its_network_alone() -> None:
    threads = torch.get_num_threads()
    row = stream_row(quick=True)
    assert row.target == "<= 1.5" and row.holds == (row.ratio <= 1.5)
    assert row.ours > 0 < row.reference
    assert "88,323 parameters, 20 velocities in, 10 out, one thread" in row.note
    assert torch.get_num_threads() == threads
