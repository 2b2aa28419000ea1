"""Light convolution blocks against torch's own operators."""

import torch
from torch import nn

from surrogates.nn.shuffle import ChannelAttention, ShuffleBlock, shuffle_channels


def test_channels_are_shuffled_as_by_torch() -> None:
    image = torch.randn(2, 12, 3, 5)
    for groups in (1, 2, 3, 4, 12):
        expected = nn.ChannelShuffle(groups)(image)
        torch.testing.assert_close(shuffle_channels(image, groups), expected, rtol=0, atol=0)


def test_attention_weighs_channels_by_their_pooled_values() -> None:
    torch.manual_seed(0)
    image = torch.randn(2, 4, 3, 5)
    pools = [image.mean((2, 3)), image.amax((2, 3))]
    for pooling, count in (("average", 1), ("average_and_max", 2)):
        net = ChannelAttention(4, 2, pooling)
        first, second = net.squeeze.weight[:, :, 0, 0], net.excite.weight[:, :, 0, 0]
        weights = sum((pool @ first.T).relu() @ second.T for pool in pools[:count]).sigmoid()
        torch.testing.assert_close(net(image), image * weights[:, :, None, None])


def test_shuffle_lets_groups_see_each_other() -> None:
    """With grouped convolutions only the shuffle, and attention, carry a channel to other groups."""
    torch.manual_seed(0)
    net = ShuffleBlock(8, 4, 1, "average").eval()
    net.leave[-1] = nn.Identity()
    image = torch.rand(1, 8, 4, 4, requires_grad=True)
    net(image)[:, 0].sum().backward()
    reached = image.grad.abs().sum((0, 2, 3)).bool()
    assert reached.view(4, 2).any(1).sum() > 1
