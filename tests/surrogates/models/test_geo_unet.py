"""The U-Net of Geo2SigMap."""

import pytest
import torch

from surrogates.models.geo_unet import GeoUNet


def test_published_network_has_31_04_million_parameters() -> None:
    with torch.device("meta"):
        network = GeoUNet(2, 1)
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(31.04e6, rel=1e-3)


def test_map_that_cannot_be_folded_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples"):
        GeoUNet(3, 1, base=4, levels=2, patch=2)(torch.randn(1, 3, 17, 16))
