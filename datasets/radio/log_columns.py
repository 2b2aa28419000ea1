"""What the columns of a phone's or scanner's log are called, in the words of the programs that write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_UNIT = re.compile(r"(?<![a-z])(dbm?|[kmg]?hz|deg|degrees|[km]bps)(?![a-z])", re.IGNORECASE)
_NEIGHBOUR = re.compile(
    r"\b(neighbou?rs?|nbr|detected|monitored|s ?cell|secondary)\b|\bn ?(cell|pci|rsrp|level|rx ?lev)"
)

KINDS = {
    "channel": r"\b(d?l? ?e ?arfcn|nr ?arfcn|u?arfcn)\b|arfcn$",
    "frequency": r"\b(frequency|freq)$",
    "band": r"\bband$",
    "operator": (
        r"\b(operator|operator ?name|provider|carrier|carrier ?name|plmn|plmn ?id|mcc|mnc|mcc ?mnc|net"
        r"|network ?name)$"
    ),
    "technology": (
        r"\b(rat|tech|technology|network ?(tech|type|mode|technology)|radio|radio ?type|type|system|act)$"
    ),
    "device": r"\b(device|device ?(name|model|id|serial ?number)|phone|handset|ue|model|imei|imsi|terminal)$",
    "identity": (
        r"\b(eci|e?cgi|nci|ncgi|ci|cid|cell ?id|cell ?identity|enb|enb ?id|gnb|gnb ?id|e ?node ?b ?id"
        r"|site|site ?(id|name)|pci|psc)$"
    ),
    "accuracy": r"\b(accuracy|acc)$",
    "role": r"^((is )?(serving|registered|neighbou?ring)( ?cell)?)$",
    "beam": r"\b(ssb|beam)( ?(index|idx|id))?$",
    "time": (
        r"^(time|date|clock|datum|zeit|uhrzeit|fecha|hora|heure|utc)$"
        r"|\b(time ?stamp|date ?time|device ?time|gps ?time|utc ?time|system ?time|local ?time"
        r"|(measured|created|recorded|updated) ?at|report ?time)$"
    ),
}
"""Patterns of the words in the name of a column, by what it holds."""
_QUANTITIES = (
    (r"rssi\b", "RSSI"),
    (r"rsrq\b", "RSRQ"),
    (r"(sinr|cinr|snr)\b", "SINR"),
    (r"\bcqi\b", "CQI"),
    (r"\bta\b|\btiming ?advance\b", "timing advance"),
    (r"\brscp\b", "RSCP (UMTS)"),
    (r"\brx ?lev(el)?\b", "RXLEV (GSM)"),
    (r"\brx ?qual\b|\bec ?[in]o\b|\bqual(ity)?\b", "a quality"),
    (r"\bpath ?loss\b", "path loss"),
)
_CODED = (
    (r"\basu\b|\basu ?level\b", "ASU (LTE: RSRP = ASU - 140; NR: ASU - 156)"),
    (r"\b(index|idx)\b", "an index (3GPP TS 36.133, table 9.1.4-1: RSRP = index - 140)"),
    (r"%|\bpercent\b", "percent"),
)
_OTHER_TECHNOLOGIES = re.compile(
    r"gsm|gprs|edge|umts|wcdma|hsd?u?pa|cdma|evdo|1xrtt|ehrpd|iden|wi-?fi|wlan|\b[23]g\b", re.IGNORECASE
)
_FAMILIES = (
    ("NR", re.compile(r"\bnr\b|5g|nr[ _-]?(sa|nsa)", re.IGNORECASE)),
    ("LTE", re.compile(r"lte|4g|e-?utra", re.IGNORECASE)),
)


def words(name: str) -> str:
    """Return the words of a column's name in small letters, without units: "dl freq" of ``DLFreq [MHz]``."""
    return " ".join(_WORDS.findall(_UNIT.sub(" ", name))).lower()


def columns_of(kind: str, header: Sequence[str], used: Iterable[str] = ()) -> list[str]:
    """Return the columns of a kind, of `KINDS`, that are not used and not of a neighbouring cell."""
    taken = set(used)
    return [
        name
        for name in header
        if name not in taken and re.search(KINDS[kind], words(name)) and not _NEIGHBOUR.search(words(name))
    ]


def is_of_neighbour(name: str) -> bool:
    """Tell whether the name of a column says that it is about a neighbouring or secondary cell."""
    return bool(_NEIGHBOUR.search(words(name)))


def other_quantity(name: str) -> str:
    """Return what a column holds by its name, if that is not RSRP in dBm; empty if the name does not say."""
    said = words(name)
    for pattern, quantity in _CODED:
        if re.search(pattern, said) or re.search(pattern, name):
            return quantity
    if "rsrp" in said.replace(" ", ""):
        return ""
    return next((quantity for pattern, quantity in _QUANTITIES if re.search(pattern, said)), "")


def family(technology: str) -> str:
    """Return which radio technology a text names: LTE, NR, "other" (no RSRP there), or nothing."""
    if _OTHER_TECHNOLOGIES.search(technology):
        return "other"
    return next((name for name, pattern in _FAMILIES if pattern.search(technology)), "")
