"""The channel models of 3GPP TR 38.901 by `sionna`, with draws that are each sample's own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from physics.backend import physical_layer
from physics.channels.panel import Panel

physical_layer()
import sionna.phy.channel.tr38901 as models  # noqa: E402
from sionna.phy import config  # noqa: E402

VERSION = "19.2"
"""Version of TR 38.901 whose tables are used; those of CDL and TDL are the same since 16.1."""


class RaySums(models.ChannelCoefficientsGenerator):
    """Coefficients of clusters whose rays are summed at once, not kept one by one: the same, but faster.

    Parameters
    ----------
    arrival_doppler
        Whether the Doppler shift follows from the angles at the receiver even if the sender moves. So it did
        in sionna until 1.1, by which CSI-RRG was made: in the uplink, the narrow angles at the base station
        make its channels change more slowly than the moving terminal would.
    **settings
        Of sionna's generator of coefficients.
    """

    def __init__(self, *, arrival_doppler: bool, **settings: Any) -> None:
        super().__init__(subclustering=False, **settings)
        self._arrival_doppler = arrival_doppler

    def _step_11_nlos(self, phi: Tensor, topology: Any, rays: Any, t: Tensor) -> Tensor:
        angles = rays.aoa, rays.aod, rays.zoa, rays.zod
        field = self._step_11_field_matrix(topology, *angles, self._step_11_phase_matrix(phi, rays))
        steady = field * self._step_11_array_offsets(topology, *angles)
        turned = self._step_11_doppler_matrix(topology, *angles, t)
        scale = (rays.powers / steady.shape[4]).sqrt()[..., None, None, None]
        # Sum over the rays r from receiver antenna a to sender antenna b; the caller sums over one more axis.
        return (scale * torch.einsum("...rab,...rt->...abt", steady, turned)).unsqueeze(4)

    def _step_11_doppler_matrix(
        self, topology: Any, aoa: Tensor, aod: Tensor, zoa: Tensor, zod: Tensor, t: Tensor
    ) -> Tensor:
        if self._arrival_doppler:
            aod, zod = aoa, zoa
        turned: Tensor = super()._step_11_doppler_matrix(topology, aoa, aod, zoa, zod, t)
        return turned


class DrawnCDL(models.CDL):
    """Clustered delay lines whose ray couplings and phases are given, one set for each sample.

    Parameters
    ----------
    rngs
        One generator for each sample; only they decide what is drawn.
    arrival_doppler
        See `RaySums`.
    **settings
        Of sionna's CDL.
    """

    def __init__(
        self, rngs: Sequence[np.random.Generator], *, arrival_doppler: bool, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._cir_gen = RaySums(
            arrival_doppler=arrival_doppler,
            carrier_frequency=settings["carrier_frequency"],
            tx_array=self._tx_array,
            rx_array=self._rx_array,
            precision=self.precision,
            device=self.device,
        )
        rays = (self._num_clusters, self._rays_per_cluster)
        orders = np.stack([rng.random((4, *rays)).argsort(-1) for rng in rngs])
        phases = np.stack([rng.uniform(-np.pi, np.pi, (*rays, 4)) for rng in rngs])
        self._orders = torch.from_numpy(orders).to(self.device)
        self._phases = torch.from_numpy(phases).to(self.device, self.dtype)

    def _random_coupling(self, *angles: Tensor) -> tuple[Tensor, ...]:
        pairs = zip(angles, self._orders[:, :, None, None].unbind(1), strict=True)
        return tuple(each.gather(-1, order) for each, order in pairs)

    def _create_rays(self, batch_size: int) -> Any:
        rays = super()._create_rays(batch_size)
        rays.phases = self._phases[:, None, None]
        return rays


def array(panel: Panel, carrier_frequency: float, device: str) -> Any:
    """Return a panel as sionna's array."""
    return models.PanelArray(
        num_rows_per_panel=panel.rows,
        num_cols_per_panel=panel.columns,
        polarization="single" if panel.polarisations == 1 else "dual",
        polarization_type="V" if panel.polarisations == 1 else "cross",
        antenna_pattern=panel.pattern,
        carrier_frequency=carrier_frequency,
        device=device,
    )


@contextmanager
def drawn_by(rng: np.random.Generator, device: str) -> Iterator[None]:
    """Let sionna draw from a seed that `rng` gives, and put its own generators back afterwards."""
    generator = config.torch_rng(device)
    state = generator.get_state()
    generator.manual_seed(int(rng.integers(2**63)))
    try:
        yield
    finally:
        generator.set_state(state)


def device_name(device: str | torch.device) -> str:
    """Return a device as sionna names it, with its index."""
    found = torch.device(device)
    return "cpu" if found.type == "cpu" else f"{found.type}:{found.index or 0}"
