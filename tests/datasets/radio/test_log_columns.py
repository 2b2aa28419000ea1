"""Columns of logs by their names."""

import pytest

from datasets.radio.log_columns import KINDS, columns_of, family, is_of_neighbour, other_quantity, words


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("NetworkTech", "technology"),
        ("Event Technology", "technology"),
        ("type", "technology"),
        ("Operatorname", "operator"),
        ("MNC", "operator"),
        ("provider", "operator"),
        ("EARFCN", "channel"),
        ("Serving Cell DL EARFCN", "channel"),
        ("Channel number (EARFCN)", "channel"),
        ("EARFCN_DL", "channel"),
        ("NR-ARFCN", "channel"),
        ("5G KPI PCell RF NR-ARFCN", "channel"),
        ("DL Freq (MHz)", "frequency"),
        ("5G KPI PCell RF Frequency [MHz]", "frequency"),
        ("4g_band", "band"),
        ("deviceSerialNumber", "device"),
        ("IMEI", "device"),
        ("eNodeB ID", "identity"),
        ("CID", "identity"),
        ("5G KPI PCell RF Serving PCI", "identity"),
        ("SSB Index", "beam"),
        ("TIME_STAMP", "time"),
        ("deviceTime", "time"),
        ("Date/Time", "time"),
        ("Date", "time"),
    ],
)
def test_names_in_use_tell_the_kind(name: str, kind: str) -> None:
    assert [each for each in KINDS if columns_of(each, [name])] == [kind]


@pytest.mark.parametrize(
    "name",
    [
        "Bandwidth [MHz]",
        "subtype",
        "Runtime",
        "updates",
        "Neighbor Cell Top 1 PCI",
        "NPCI1",
        "SCell Band",
        "speed",
    ],
)
def test_other_names_tell_none(name: str) -> None:
    assert not [each for each in KINDS if columns_of(each, [name])]


def test_a_column_with_a_key_is_not_looked_at_again() -> None:
    assert columns_of("identity", ["PCI", "ECI"], ["PCI"]) == ["ECI"]


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("RSSI", "RSSI"),
        ("LTERSSI", "RSSI"),
        ("Signal strength (RSSI) [dBm]", "RSSI"),
        ("rsrq", "RSRQ"),
        ("Serving Cell RS SINR (dB)", "SINR"),
        ("rssnr", "SINR"),
        ("CQI", "CQI"),
        ("TA", "timing advance"),
        ("Ec/Io", "a quality"),
        ("asuLevel", "ASU"),
        ("RSRP index", "an index"),
        ("RSRP (%)", "percent"),
        ("RSRP", ""),
        ("5G KPI PCell RF Serving SS-RSRP [dBm]", ""),
        ("NRSRP_ant0", ""),
        ("Level", ""),
        ("signalStrength", ""),
        ("Data", ""),
    ],
)
def test_names_tell_another_quantity(name: str, quantity: str) -> None:
    found = other_quantity(name)
    assert found.startswith(quantity) if quantity else not found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, "LTE") for text in ("LTE", "4G", "LTE-A", "LTE_CA", "4G+", "E-UTRA")),
        *((text, "NR") for text in ("NR", "5G", "NR NSA", "5G-NR_NSA", "NR_SA")),
        *(
            (text, "other")
            for text in ("GSM", "EDGE", "UMTS", "HSPA+", "HSDPA", "WCDMA", "3G", "CDMA", "WiFi")
        ),
        *((text, "") for text in ("", "UNKNOWN", "EN-DC", "serving")),
    ],
)
def test_technologies_are_known_in_the_words_of_logs(text: str, expected: str) -> None:
    assert family(text) == expected


def test_words_are_split_where_logs_join_them() -> None:
    assert words("DLFreq [MHz]") == "dl freq"
    assert words("NR-ARFCN") == "nr arfcn"
    assert is_of_neighbour("Neighbor Cell RSRP (dBm)[1]")
    assert not is_of_neighbour("Serving Cell RSRP (dBm)")
