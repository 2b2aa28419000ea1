"""Drives as the programs of phones and scanners export them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.datasets.radio.drives import LATITUDE, LONGITUDE, READINGS, RSRP, Drive, position, stamp, text


class Export(NamedTuple):
    """How a program writes a drive, by which keys it is read, and what is said or refused."""

    header: str
    line: Callable[[int], str]
    columns: dict[str, str]
    keys: Mapping[str, Any] = MappingProxyType({})
    warning: str = ""
    refusal: str = ""


def lon_lat(number: int, sign: str = ",") -> str:
    return f"{LONGITUDE[number]:.8f}{sign}{LATITUDE[number]:.8f}"


def g_nettrack(number: int, technology: str = "4G") -> str:
    power = int(RSRP[number])
    return (
        f"2024.06.01_12.00.{number:02d}\t{lon_lat(number, chr(9))}\t12\tAlpha\t26201\t26201\t4822\t11\t4501"
        f"\t{technology}\tLTE\t{power}\t-11\t-\t-65\t1300\t101\t4G\t1300\t{power - 9}"
    )


G_NETTRACK = (
    "Timestamp\tLongitude\tLatitude\tSpeed\tOperatorname\tOperator\tCGI\tNode\tCellID\tLAC\tNetworkTech\t"
    "NetworkMode\tLevel\tQual\tSNR\tLTERSSI\tARFCN\tPSC\tNTech1\tNARFCN1\tNRxLev1"
)
LEVEL = {"latitude": "Latitude", "longitude": "Longitude", "rsrp": "Level", "cell": "PSC"}
CELLMAPPER = "latitude,longitude,altitude,MCC,MNC,LAC,CID,signal,type,subtype,ARFCN,PSC"
OPENCELLID = "mcc,net,area,cell,lon,lat,signal,measured,created,rating,speed,direction,radio,ta,psc,tac,pci"
NETWORK_SURVEY = (
    "# Created by Network Survey version=1.43\n# CSV Version=0.4.0\n"
    "deviceTime,latitude,longitude,altitude,mcc,mnc,tac,eci,earfcn,pci,rsrp,rsrq,ta,servingCell,lteBandwidth,"
    "provider,signalStrength,cqi,slot,snr"
)
TEMS = (
    '"Time","MS","Message Type","All-Latitude","All-Longitude","Serving Cell RSRP (dBm)",'
    '"Serving Cell RSRQ (dB)","Serving Cell Identity","Serving Cell DL EARFCN","Neighbor Cell RSRP (dBm)[1]",'
    '"Neighbor Cell Identity[1]"'
)
TEMS_COLUMNS = {
    "latitude": "All-Latitude",
    "longitude": "All-Longitude",
    "rsrp": "Serving Cell RSRP (dBm)",
    "cell": "Serving Cell Identity",
}
QUALIPOC = (
    "Device,Date/Time,Longitude,Latitude,Technology,Operator,LTE PCI,LTE EARFCN,LTE RSRP [dBm],"
    "LTE RSSI [dBm],NR PCI,NR SS-RSRP [dBm]"
)
QUALIPOC_COLUMNS = {"latitude": "Latitude", "longitude": "Longitude", "cell": "LTE PCI"}
XCAL = (
    "TIME_STAMP|GPS Lon|GPS Lat|Event Technology|5G KPI PCell RF Band|5G KPI PCell RF NR-ARFCN|"
    "5G KPI PCell RF Serving PCI|5G KPI PCell RF Serving SSB Idx|5G KPI PCell RF Serving SS-RSRP [dBm]"
)


def qualipoc(number: int) -> str:
    return f"QP1,{stamp(number)},{lon_lat(number)},LTE,Alpha,101,1300,{RSRP[number]:.1f},-60,,"


def romes(number: int) -> str:
    values = (f"12:00:00.{number:03d}", lon_lat(number, ";"), "101", f"{RSRP[number]:.1f}")
    return ";".join(values).replace(".", ",")


def xcal(number: int, beam: int = 0) -> str:
    return f"{stamp(number)}|{lon_lat(number, '|')}|5G-NR_NSA|n3|363000|101.0|{beam}|{RSRP[number]:.2f}"


EXPORTS = {
    "G-NetTrack": Export(G_NETTRACK, g_nettrack, LEVEL),
    "G-NetTrack, with 3G": Export(
        G_NETTRACK,
        lambda number: g_nettrack(number, "4G" if number % 3 else "3G"),
        LEVEL,
        refusal="100 readings are of 3G (100) by the column 'NetworkTech'",
    ),
    "G-NetTrack, quality": Export(
        G_NETTRACK, g_nettrack, LEVEL | {"rsrp": "Qual"}, refusal="the column 'Qual' is a quality"
    ),
    "CellMapper": Export(
        CELLMAPPER,
        lambda n: f"{position(n)},520,262,1,4501,28435211,{RSRP[n]:.0f},LTE,LTE-A,1300,101",
        {"latitude": "latitude", "longitude": "longitude", "rsrp": "signal", "cell": "PSC"},
    ),
    "CellMapper, PCI used twice": Export(
        CELLMAPPER,
        lambda n: f"{position(n)},520,262,1,4501,{n % 3 and 28435211},{RSRP[n]:.0f},LTE,LTE-A,1300,101",
        {"latitude": "latitude", "longitude": "longitude", "rsrp": "signal", "cell": "PSC"},
        warning="several cells: column 'CID' has 28435211 (200), 0 (100)",
    ),
    "OpenCellID": Export(
        OPENCELLID,
        lambda n: f"262,1,4501,28435211,{lon_lat(n)},{RSRP[n]:.0f},13800{n},1380000,10,5,90,LTE,,,4501,101",
        {"latitude": "lat", "longitude": "lon", "rsrp": "signal", "cell": "pci"},
    ),
    "OpenCellID, ASU": Export(
        OPENCELLID,
        lambda n: f"262,1,4501,28435,{lon_lat(n)},{RSRP[n] + 140:.0f},13800{n},13,10,5,90,LTE,,,4501,101",
        {"latitude": "lat", "longitude": "lon", "rsrp": "signal", "cell": "pci"},
        refusal="are indices or ASU (LTE, 3GPP TS 36.133, table 9.1.4-1: dBm = index - 140",
    ),
    "Network Survey": Export(
        NETWORK_SURVEY,
        lambda n: (
            f"2025-10-10T13:58:27.{n:03d}-04:00,{position(n)},15,262,1,4501,12345,1300,101,{RSRP[n]:.1f},-9.0,39,"
            "true,MHZ_10,Alpha,-61.0,11,,-1.0"
        ),
        {"latitude": "latitude", "longitude": "longitude", "rsrp": "rsrp", "cell": "pci"},
    ),
    "TEMS": Export(
        TEMS,
        lambda n: (
            f'"12:00:00.{n:03d}","MS1","","{LATITUDE[n]:.8f}","{LONGITUDE[n]:.8f}","{RSRP[n]:.2f}","-9.5","101",'
            f'"1300","{RSRP[n] - 7:.2f}","222"'
        ),
        TEMS_COLUMNS,
    ),
    "Nemo": Export(
        "Time;Longitude;Latitude;RSRP (Carrier 1);Physical cell identity;Channel number (EARFCN);Band",
        lambda n: (
            f"01.06.2024 12:00:00,{n:03d};{lon_lat(n, ';')};{RSRP[n]:.1f};101;1300;LTE 1800 band 3".replace(
                ".", ","
            )
        ),
        {
            "latitude": "Latitude",
            "longitude": "Longitude",
            "rsrp": "RSRP (Carrier 1)",
            "cell": "Physical cell identity",
        },
    ),
    "QualiPoc": Export(QUALIPOC, qualipoc, QUALIPOC_COLUMNS | {"rsrp": "LTE RSRP [dBm]"}),
    "QualiPoc, RSSI": Export(
        QUALIPOC,
        qualipoc,
        QUALIPOC_COLUMNS | {"rsrp": "LTE RSSI [dBm]"},
        refusal="the column 'LTE RSSI [dBm]' is RSSI by its name",
    ),
    "QualiPoc, no 5G": Export(
        QUALIPOC,
        qualipoc,
        QUALIPOC_COLUMNS | {"rsrp": "NR SS-RSRP [dBm]"},
        refusal="expected RSRP in dBm; none of 300 readings has it",
    ),
    "Network Signal Guru, carrier aggregation": Export(
        "Time,Lon,Lat,Tech,Band,EARFCN,PCI,RSRP,RSRQ,SINR,RSSI",
        lambda n: (
            f"12:00:00.{n},{lon_lat(n)},LTE,{'B3,1300' if n % 3 else 'B20,6300'},101,{RSRP[n]:.1f},-9,2,-70"
        ),
        {"latitude": "Lat", "longitude": "Lon", "rsrp": "RSRP", "cell": "PCI"},
        warning="several carriers: column 'EARFCN' has 1300 (200), 6300 (100)",
    ),
    "ROMES": Export(
        "Time;Longitude;Latitude;PCI [Top 1];RSRP [Top 1]\n;°;°;;dBm",
        romes,
        {"latitude": "Latitude", "longitude": "Longitude", "rsrp": "RSRP [Top 1]", "cell": "PCI [Top 1]"},
    ),
    "XCAL": Export(
        XCAL,
        xcal,
        {
            "latitude": "GPS Lat",
            "longitude": "GPS Lon",
            "rsrp": "5G KPI PCell RF Serving SS-RSRP [dBm]",
            "cell": "5G KPI PCell RF Serving PCI",
        },
    ),
    "XCAL, beams": Export(
        XCAL,
        lambda number: xcal(number, number % 2),
        {
            "latitude": "GPS Lat",
            "longitude": "GPS Lon",
            "rsrp": "5G KPI PCell RF Serving SS-RSRP [dBm]",
            "cell": "5G KPI PCell RF Serving PCI",
        },
        warning="choose one by `where: {5G KPI PCell RF Serving SSB Idx: 0}`",
    ),
    "WiGLE": Export(
        "WigleWifi-1.4,appRelease=2.53,model=Pixel,release=11\n"
        "MAC,SSID,AuthMode,FirstSeen,Channel,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,Type",
        lambda n: f"26201_1,,LTE,{stamp(n)},1300,{RSRP[n]:.0f},{position(n)},520,LTE",
        {"latitude": "CurrentLatitude", "longitude": "CurrentLongitude", "rsrp": "RSSI"},
        {"quantity": "rsrp"},
    ),
}


@pytest.mark.parametrize("program", EXPORTS)
def test_exports_of_programs_give_their_readings_or_say_why_not(program: str, tmp_path: Path) -> None:
    export, drive = EXPORTS[program], Drive(tmp_path)
    log = text(export.header, export.line)
    if export.refusal:
        assert export.refusal in drive.refused(log, columns=export.columns, **export.keys)
        return
    found = drive.said(log, columns=export.columns, **export.keys)
    assert found.readings == READINGS
    assert found.mean == drive.said(text()).mean
    assert export.warning in "".join(found.warnings)
    assert bool(found.warnings) is bool(export.warning)
