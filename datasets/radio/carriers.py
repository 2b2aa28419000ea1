"""Carrier frequencies of the channel numbers that phones log."""

from __future__ import annotations

from bisect import bisect_right

# 3GPP TS 36.101, table 5.7.3-1: first and last downlink EARFCN of each band, and its lowest frequency, MHz.
_LTE = (
    (0, 599, 2110.0),
    (600, 1199, 1930.0),
    (1200, 1949, 1805.0),
    (1950, 2399, 2110.0),
    (2400, 2649, 869.0),
    (2650, 2749, 875.0),
    (2750, 3449, 2620.0),
    (3450, 3799, 925.0),
    (3800, 4149, 1844.9),
    (4150, 4749, 2110.0),
    (4750, 4949, 1475.9),
    (5010, 5179, 729.0),
    (5180, 5279, 746.0),
    (5280, 5379, 758.0),
    (5730, 5849, 734.0),
    (5850, 5999, 860.0),
    (6000, 6149, 875.0),
    (6150, 6449, 791.0),
    (6450, 6599, 1495.9),
    (6600, 7399, 3510.0),
    (7500, 7699, 2180.0),
    (7700, 8039, 1525.0),
    (8040, 8689, 1930.0),
    (8690, 9039, 859.0),
    (9040, 9209, 852.0),
    (9210, 9659, 758.0),
    (9660, 9769, 717.0),
    (9770, 9869, 2350.0),
    (9870, 9919, 462.5),
    (9920, 10359, 1452.0),
    (36000, 36199, 1900.0),
    (36200, 36349, 2010.0),
    (36350, 36949, 1850.0),
    (36950, 37549, 1930.0),
    (37550, 37749, 1910.0),
    (37750, 38249, 2570.0),
    (38250, 38649, 1880.0),
    (38650, 39649, 2300.0),
    (39650, 41589, 2496.0),
    (41590, 43589, 3400.0),
    (43590, 45589, 3600.0),
    (45590, 46589, 703.0),
    (46590, 46789, 1447.0),
    (46790, 54539, 5150.0),
    (54540, 55239, 5855.0),
    (55240, 56739, 3550.0),
    (56740, 58239, 3550.0),
    (58240, 59089, 1432.0),
    (59090, 59139, 1427.0),
    (59140, 60139, 3300.0),
    (60140, 60254, 2483.5),
    (65536, 66435, 2110.0),
    (66436, 67335, 2110.0),
    (67336, 67535, 738.0),
    (67536, 67835, 753.0),
    (67836, 68335, 2570.0),
    (68336, 68585, 1995.0),
    (68586, 68935, 617.0),
    (68936, 68985, 461.0),
    (68986, 69035, 460.0),
    (69036, 69465, 1475.0),
    (69466, 70315, 1432.0),
    (70316, 70365, 1427.0),
    (70366, 70545, 728.0),
    (70546, 70595, 420.0),
    (70596, 70645, 422.0),
)
# 3GPP TS 38.104, table 5.4.2.1-1: first NR-ARFCN of each range, its frequency and the step, MHz.
_NR = ((0, 0.0, 0.005), (600_000, 3000.0, 0.015), (2_016_667, 24_250.08, 0.06))
_NR_LAST = 3_279_165


def lte_frequency(earfcn: int) -> float | None:
    """Return the downlink carrier frequency of an EARFCN, Hz; None for a number of no downlink channel.

    References
    ----------
    3GPP TS 36.101, section 5.7.3.
    """
    band = bisect_right(_LTE, (earfcn, float("inf"))) - 1
    if band < 0 or earfcn > _LTE[band][1]:
        return None
    first, _, lowest = _LTE[band]
    return (lowest + 0.1 * (earfcn - first)) * 1e6


def nr_frequency(nr_arfcn: int) -> float | None:
    """Return the frequency of an NR-ARFCN, Hz; None for a number outside the raster.

    References
    ----------
    3GPP TS 38.104, section 5.4.2.1.
    """
    if not 0 <= nr_arfcn <= _NR_LAST:
        return None
    first, lowest, step = _NR[bisect_right([each[0] for each in _NR], nr_arfcn) - 1]
    return (lowest + step * (nr_arfcn - first)) * 1e6
