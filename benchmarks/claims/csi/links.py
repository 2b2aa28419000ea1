"""What predicted channels are worth on a link, against outdated and perfect ones."""

from collections.abc import Iterable, Mapping
from functools import partial

import torch
from torch import Tensor

from benchmarks.claims.tables import ResultTable, cell
from datasets.csi.variables import HISTORY
from surrogates.domains.csi.link_level import Precoder, compare, matched, zero_forcing
from surrogates.evaluation.evaluate import Method, ask, inputs_of
from surrogates.evaluation.scoring import targets_of
from surrogates.experiment.experiment import Experiment

USERS, SNR, BITS, RATE = 2, 10.0, 4, 0.5
"""Users that are served together, dB, bits of a symbol, rate of the code."""
PRECODERS: dict[str, Precoder] = {"matched": matched, "zero_forcing": zero_forcing}
BELIEFS = ("perfect", "predicted", "outdated")


def values(method: Method, on: Experiment) -> dict[str, float]:
    """Return ``PRECODER/BELIEF/throughput`` in bit/s/Hz and ``.../bit_error_rate``, uncoded, on test records.

    The users of a drop come from records far apart, so of other channel models: those of one model share the
    angles of its clusters, and no precoder could part them. All snapshots ahead and subcarriers are their
    resources.
    """
    (target,) = targets_of(on)
    truth, predicted, outdated = [], [], []
    for batch in on.loader("test"):
        truth.append(batch[target.spec.name])
        predicted.append(ask(method, inputs_of(batch, [target]), seed=0)[target.spec.name])
        outdated.append(batch[HISTORY][:, :, -1:].expand_as(truth[-1]))
    channels, ours, last = (drops(torch.cat(each)) for each in (truth, predicted, outdated))
    beliefs = {"predicted": ours, "outdated": last}
    found: dict[str, float] = {}
    for name, precoder in PRECODERS.items():
        send = partial(compare, channels, beliefs, precoder=precoder, snr=SNR, bits_per_symbol=BITS)
        coded, plain = send(code_rate=RATE), send()
        for belief in BELIEFS:
            found[f"{name}/{belief}/throughput"] = coded[belief].throughput
            found[f"{name}/{belief}/bit_error_rate"] = plain[belief].bit_error_rate
    return found


def drops(channels: Tensor) -> Tensor:
    """Return (record, antenna, step, subcarrier) as (drop, user, antenna, resource)."""
    whole = channels[: len(channels) // USERS * USERS].flatten(2)
    return whole.unflatten(0, (USERS, -1)).transpose(0, 1)


def table(known: Mapping[str, float], duplexes: Iterable[str]) -> ResultTable:
    """Return throughput and bit errors by precoder and belief."""
    return ResultTable(
        f"Link of {USERS} users at {SNR:g} dB, 16-QAM: throughput in bit/s/Hz of each with 5G's code of rate "
        f"{RATE:g} / share of wrong bits without a code; pasts under noise of 0 to 25 dB",
        ("duplex mode", "precoder", *(f"{belief} channel" for belief in BELIEFS)),
        [
            [
                duplex,
                name.replace("_", " "),
                *(
                    cell(known, *(f"{duplex}/link/{name}/{b}/{m}" for m in ("throughput", "bit_error_rate")))
                    for b in BELIEFS
                ),
            ]
            for duplex in duplexes
            for name in PRECODERS
        ],
    )
