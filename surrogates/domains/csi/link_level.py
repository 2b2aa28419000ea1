"""What predicted channels are worth on a link: bit errors and throughput behind a precoder made from them.

A base station serves several users on the same resources, each by one stream of equal power. The precoder
follows from what the base station believes of the channels; the users receive over the true ones. A user
knows the gain of its own stream and the power of the others, from precoded pilots, and takes interference for
noise. Constellations, demapper and code are Sionna's: Gray-coded QAM, and 5G's LDPC code or none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from physics.backend import physical_layer
from surrogates.core.errors import ConfigError

if TYPE_CHECKING:
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

Precoder = Callable[[Tensor], Tensor]
"""Channels (..., user, antenna) to beams of unit length, (..., antenna, user)."""
BITS = (2, 4, 6, 8)
"""Bits of a symbol: QPSK to 256-QAM."""
LONGEST = 8000
"""Most information bits of a code word; 5G allows 8448."""
NO_GAIN = 1e-12


class LinkQuality(NamedTuple):
    """How well a link carries.

    Attributes
    ----------
    bit_error_rate
        Share of the information bits that were decided wrongly.
    block_error_rate
        Share of the blocks with a wrong bit: code words, or, without a code, all bits of a user.
    throughput
        Information bits in right blocks, of each user and resource, bit/s/Hz.
    """

    bit_error_rate: float
    block_error_rate: float
    throughput: float


def matched(channels: Tensor) -> Tensor:
    """Return the beam that gives each user the most power (maximum ratio transmission)."""
    return _unit(channels.conj().mT)


def zero_forcing(channels: Tensor) -> Tensor:
    """Return the beams that reach no other user; for one user the matched beam.

    Raises
    ------
    ConfigError
        If there are more users than antennas.
    """
    users, antennas = channels.shape[-2:]
    if users > antennas:
        raise ConfigError(
            f"{users} users and {antennas} antennas were found, no more users than antennas expected for "
            "zero forcing; serve fewer users, or take matched beams"
        )
    return _unit(torch.linalg.pinv(channels))


def link_quality(
    channels: Tensor,
    believed: Tensor,
    *,
    precoder: Precoder,
    snr: float,
    bits_per_symbol: int = 2,
    code_rate: float | None = None,
    seed: int = 0,
) -> LinkQuality:
    """Simulate the downlink over channels, precoded by what is believed of them.

    Equal seeds give equal bits and noise, so that beliefs can be compared.

    Parameters
    ----------
    channels, believed
        True and believed channels of mean power 1, complex, (drop, user, antenna, resource): users of a drop
        are served together, a resource is a subcarrier of a snapshot.
    precoder
        `matched` or `zero_forcing`.
    snr
        Transmitted power over the noise of a user, dB.
    bits_per_symbol
        2, 4, 6 or 8.
    code_rate
        Of 5G's LDPC code; None sends uncoded bits.
    seed
        Of bits and noise.

    Raises
    ------
    ConfigError
        If the shapes differ, or the numbers are outside of their ranges.
    """
    _check(channels, believed, bits_per_symbol, code_rate)
    physical_layer()
    from sionna.phy.mapping import Demapper, Mapper

    drops, users, _, resources = channels.shape
    code = None if code_rate is None else _Code.of(resources * bits_per_symbol, code_rate)
    generator = torch.Generator().manual_seed(seed)
    sizes = (resources * bits_per_symbol,) if code is None else (code.blocks, code.encoder.k)
    bits = torch.randint(0, 2, (drops, users, *sizes), generator=generator).float()
    sent = bits if code is None else code.encoder(bits.flatten(0, -2)).reshape(drops, users, -1)
    mapper = Mapper("qam", bits_per_symbol, device="cpu")
    symbols = mapper(sent)
    used = symbols.shape[-1]
    received, noise = _received(
        channels[..., :used].cpu(), believed[..., :used].cpu(), symbols, precoder, snr, generator
    )
    demapper = Demapper("app", "qam", bits_per_symbol, hard_out=code is None, device="cpu")
    decided = demapper(received, noise)
    if code is not None:
        decided = code.decoder(decided.reshape(-1, code.encoder.n)).reshape(bits.shape)
    wrong = decided != bits
    failed = float(wrong.any(-1).double().mean())
    carried = bits[0, 0].numel() / resources
    return LinkQuality(float(wrong.double().mean()), failed, (1 - failed) * carried)


def compare(
    channels: Tensor,
    beliefs: Mapping[str, Tensor],
    *,
    precoder: Precoder,
    snr: float,
    bits_per_symbol: int = 2,
    code_rate: float | None = None,
    seed: int = 0,
) -> dict[str, LinkQuality]:
    """Return the quality of the link with perfect knowledge and with each belief, on equal bits and noise.

    Parameters
    ----------
    channels
        As of `link_quality`.
    beliefs
        By name, such as `predicted` and `outdated`.
    precoder, snr, bits_per_symbol, code_rate, seed
        As of `link_quality`.
    """
    return {
        name: link_quality(
            channels,
            believed,
            precoder=precoder,
            snr=snr,
            bits_per_symbol=bits_per_symbol,
            code_rate=code_rate,
            seed=seed,
        )
        for name, believed in {"perfect": channels, **beliefs}.items()
    }


class _Code(NamedTuple):
    """Code words that fill the resources of a user, but for a few at the end."""

    blocks: int
    encoder: LDPC5GEncoder
    decoder: LDPC5GDecoder

    @classmethod
    def of(cls, bits: int, rate: float) -> _Code:
        from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

        blocks = math.ceil(bits * rate / LONGEST)
        length = bits // blocks
        # Whole symbols of any constellation, so that every code word ends with one.
        length -= length % math.lcm(*BITS)
        if length * rate < 12:
            raise ConfigError(
                f"{bits} bits of a user are too few for a code word of rate {rate:g}; take more resources, "
                "or no code"
            )
        encoder = LDPC5GEncoder(int(length * rate), length, device="cpu")
        return cls(blocks, encoder, LDPC5GDecoder(encoder, device="cpu"))


def _received(
    channels: Tensor,
    believed: Tensor,
    symbols: Tensor,
    precoder: Precoder,
    snr: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return equalised symbols and their noise with interference, (drop, user, resource)."""
    users = channels.shape[1]
    true, known = (each.to(torch.complex128).movedim(3, 1) for each in (channels, believed))
    gains = true @ precoder(known) / users**0.5  # (drop, resource, receiving user, stream)
    own = gains.diagonal(dim1=2, dim2=3).transpose(1, 2)
    variance = 10 ** (-snr / 10)
    interference = gains.abs().square().sum(3).transpose(1, 2) - own.abs().square()
    noise = variance**0.5 * torch.randn(symbols.shape, generator=generator, dtype=torch.complex128)
    arriving = torch.einsum("drks,dsr->dkr", gains, symbols.to(gains)) + noise
    strength = own.abs().square().clamp(min=NO_GAIN)
    equalised = arriving * own.conj() / strength
    return equalised.to(torch.complex64), ((variance + interference.clamp(min=0)) / strength).float()


def _unit(beams: Tensor) -> Tensor:
    """Return beams (..., antenna, user) of unit length; one of length 0 stays."""
    lengths = torch.linalg.vector_norm(beams, dim=-2, keepdim=True)
    return beams / lengths.where(lengths > 0, 1.0)


def _check(channels: Tensor, believed: Tensor, bits_per_symbol: int, code_rate: float | None) -> None:
    if channels.ndim != 4 or channels.shape != believed.shape:
        raise ConfigError(
            f"true channels of {tuple(channels.shape)} and believed ones of {tuple(believed.shape)} were "
            "found, equal shapes (drop, user, antenna, resource) expected"
        )
    if bits_per_symbol not in BITS:
        raise ConfigError(f"bits_per_symbol is {bits_per_symbol}, expected one of {BITS}")
    if code_rate is not None and not 0.2 <= code_rate <= 0.9:
        raise ConfigError(f"code_rate is {code_rate:g}, expected 0.2 to 0.9, or None for uncoded bits")
