"""The U-Net between latent images: where its skip connections lie."""

import pytest
import torch

from surrogates.nn.translator import LatentTranslator, SkipFrom


@pytest.mark.parametrize("skip_from", ["unpooled", "pooled", "none"])
@pytest.mark.parametrize("size", [8, 9, 24, 35, 70])
def test_every_size_is_kept(skip_from: SkipFrom, size: int) -> None:
    net = LatentTranslator(4, 2, 1, skip_from)
    assert net(torch.randn(1, 4, size, size)).shape == (1, 4, size, size)


def test_both_places_of_the_skips_have_the_same_weights() -> None:
    pooled, unpooled = (LatentTranslator(4, 2, 2, place).state_dict() for place in ("pooled", "unpooled"))
    assert {k: v.shape for k, v in pooled.items()} == {k: v.shape for k, v in unpooled.items()}


def test_of_several_double_convolutions_the_first_alone_comes_before_the_pooling() -> None:
    net, sizes = LatentTranslator(4, 1, 3, "pooled"), []
    for block in net.down[0]:
        block.register_forward_hook(lambda module, given, answer: sizes.append(answer.shape[-1]))
    net(torch.randn(1, 4, 16, 16))
    assert sizes == [16, 8, 8]


@pytest.mark.parametrize(("skip_from", "place"), [("pooled", -1), ("unpooled", 0)])
def test_a_skip_is_what_leaves_the_level_or_what_is_pooled_in_it(skip_from: SkipFrom, place: int) -> None:
    """Published (networks/unet.py): double convolution, pooling, the other double convolutions, skip."""
    net, left, joined = LatentTranslator(4, 1, 2, skip_from), [], []
    for block in net.down[0]:
        block.register_forward_hook(lambda module, given, answer: left.append(answer))
    net.up[0].register_forward_pre_hook(lambda module, given: joined.append(given[0]))
    net(torch.randn(1, 4, 16, 16))
    assert torch.equal(joined[0][:, :8], left[place])


def test_weights_keep_their_names() -> None:
    """A bundle that was written once can be read again."""
    names = LatentTranslator(4, 1, 1, "unpooled").state_dict().keys()
    assert {name.rpartition(".")[0] for name in names} == {
        f"{level}.{layer}"
        for level in ("down.0.0", "bottom.0", "bottom.1", "up.0.0", "tail")
        for layer in (0, 1, 3, 4)
    }


def detail(skip_from: SkipFrom) -> float:
    """Largest change of the answer by a chequerboard, which pooling cannot see, about a constant."""
    torch.manual_seed(0)
    net = LatentTranslator(4, 1, 1, skip_from).eval()
    board = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16).expand(1, 4, 32, 32)
    answer = net(board) - net(torch.roll(board, 1, -1))
    # What a network knows of the cells' parity alternates from cell to cell.
    inner = answer[..., 8:-8, 8:-8]
    return (inner[..., 1:] - inner[..., :-1]).abs().max().item()


def test_unpooled_skips_carry_the_finest_detail_which_pooled_ones_lose() -> None:
    assert detail("unpooled") > 10 * detail("none")
    assert detail("unpooled") > 10 * detail("pooled")


def reach_of_the_bottom(skip_from: SkipFrom) -> list[int]:
    """Rows of the coarsest map on which the answer depends."""
    net, seen = LatentTranslator(4, 2, 1, skip_from), []
    net.bottom.register_forward_hook(
        lambda module, given, answer: seen.append(answer) or answer.retain_grad()
    )
    net(torch.randn(1, 4, 32, 32)).square().sum().backward()
    return seen[0].grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten().tolist()


def test_pooled_skips_throw_the_rim_of_the_coarsest_map_away() -> None:
    """As published: magnified twofold, the map is cut to the size that it had before."""
    assert reach_of_the_bottom("unpooled") == list(range(8))
    assert reach_of_the_bottom("pooled") == list(range(1, 7))
