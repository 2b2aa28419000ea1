"""What stands beside a target, and how far errors reach."""

import torch

from surrogates.learning.answers import GaussianAnswer, QuantileAnswer, beside, reaches


def test_errors_reach_a_deviation_or_the_outermost_quantiles() -> None:
    value, deviation = torch.tensor([10.0]), torch.tensor([2.0])
    quantiles = torch.tensor([[7.0, 10.0, 14.0]])
    assert beside("b") == ("b_standard_deviation", "b_quantile")
    assert reaches({"b": value}, "b") is None
    assert reaches({"b": value, "b_standard_deviation": deviation}, "b") == (deviation, deviation)
    below, above = reaches({"b": value, "b_quantile": quantiles}, "b")
    assert (float(below), float(above)) == (3.0, 4.0)


def test_draws_repeat_with_an_equal_generator_and_differ_from_each_other() -> None:
    shape = (2, 1, 3)
    levels, values = (0.1, 0.5, 0.9), torch.stack([torch.full(shape, v) for v in (1.0, 2.0, 4.0)])
    for answer in (GaussianAnswer(torch.zeros(shape), torch.ones(shape)), QuantileAnswer(levels, values)):
        one, two = (answer.draws(3, torch.Generator().manual_seed(5)) for _ in range(2))
        assert torch.equal(one, two)
        assert one.shape == (3, *shape)
        assert not torch.equal(one[0], one[1])


def test_the_mean_of_quantiles_is_not_their_median_where_they_lean() -> None:
    values = torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1)
    answer = QuantileAnswer((0.1, 0.5, 0.9), values)
    expected = 0.1 * 1.0 + 0.4 * 1.5 + 0.4 * 3.0 + 0.1 * 4.0
    torch.testing.assert_close(answer.mean, torch.full((1, 1), expected))
    assert float(answer.value) == 2.0
