"""Each row of the card's table on SEG-Y holds: headers are used, refused, counted, or change nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyproj import Geod

from datasets.factory.errors import BuildError
from tests.datasets.cards import fields
from tests.datasets.seismic.segy_bytes import (
    HEADERS,
    RECEIVERS,
    SHOTS,
    STEP,
    Words,
    amplitudes,
    gathers,
    recipe,
    write_line,
)

Example = Callable[[Path], None]
FIRST = (np.arange(27) == 4).astype(int)
"""One in the fifth trace, which is the receiver at 50 m of the first shot."""


def kept(file: Words | None = None, trace: Words | None = None, **keys: object) -> Example:
    """The words change neither amplitudes nor coordinates, specs, remarks and counts."""

    def example(folder: Path) -> None:
        plain, changed = (
            recipe(write_line(folder / name, file=words[0], trace=words[1]), **keys)
            for name, words in (("a.sgy", (None, None)), ("b.sgy", (file, trace)))
        )
        np.testing.assert_array_equal(amplitudes(plain), amplitudes(changed))
        assert plain.shared().identical(changed.shared())
        assert plain.specs() == changed.specs()
        assert plain.remarks() == changed.remarks()
        assert plain.left_out() == changed.left_out()

    return example


def coordinate(
    name: str, expected: object, file: Words | None = None, trace: Words | None = None, **keys: object
) -> Example:
    """The words give a coordinate these values."""

    def example(folder: Path) -> None:
        found = recipe(write_line(folder / "line.sgy", file=file, trace=trace), **keys).shared()[name]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)

    return example


def attribute(name: str, expected: object, file: Words | None = None, trace: Words | None = None) -> Example:
    """The words become an attribute of the gathers, and files that differ are refused."""

    def example(folder: Path) -> None:
        (spec,) = recipe(write_line(folder / "a.sgy", file=file, trace=trace)).specs()
        assert spec.to_attributes()[name] == expected
        write_line(folder / "b.sgy")
        with pytest.raises(BuildError, match=f"b.sgy has other {name.replace('_', ' ')} than"):
            recipe(folder)

    return example


def scaled(factor: object, file: Words | None = None, trace: Words | None = None) -> Example:
    """The words multiply amplitudes, unless a key says not to."""

    def example(folder: Path) -> None:
        path = write_line(folder / "line.sgy", file=file, trace=trace)
        made = recipe(path)
        np.testing.assert_allclose(amplitudes(made)[0], gathers() * np.asarray(factor), rtol=1e-6)
        assert any("multiplied" in remark for remark in made.remarks())
        np.testing.assert_array_equal(amplitudes(recipe(path, scale_amplitudes=False))[0], gathers())

    return example


def refused(
    said: str, file: Words | None = None, trace: Words | None = None, key: dict[str, object] | None = None
) -> Example:
    """The words are refused in one line, and the key that it names helps."""

    def example(folder: Path) -> None:
        path = write_line(folder / "line.sgy", file=file, trace=trace)
        with pytest.raises(BuildError, match=said) as caught:
            recipe(path)
        assert "\n" not in str(caught.value)
        if key is not None:
            assert all(f"{name}=" in str(caught.value) for name in key)
            np.testing.assert_array_equal(amplitudes(recipe(path, **key))[0], gathers())

    return example


def remarked(said: str, file: Words | None = None, trace: Words | None = None) -> Example:
    """The words are only said."""

    def example(folder: Path) -> None:
        made = recipe(write_line(folder / "line.sgy", file=file, trace=trace))
        assert said in "; ".join(made.remarks())
        np.testing.assert_array_equal(amplitudes(made)[0], gathers())

    return example


def counted(cause: str, code_at: int, code: int, shown: np.ndarray, **keys: object) -> Example:
    """The receiver at 100 m is of another kind, and this is what is left."""

    def example(folder: Path) -> None:
        words = {code_at: np.where(np.arange(27) % 9 == 8, code, 1)}
        made = recipe(write_line(folder / "line.sgy", trace=words), **keys)
        (left,) = made.left_out()
        assert left.total == 27
        assert {**left.causes, **left.chosen} == {cause: 3}
        np.testing.assert_array_equal(amplitudes(made)[0], shown)

    return example


def both(*examples: Example) -> Example:
    """Hold several examples, each in a folder of its own."""

    def example(folder: Path) -> None:
        for number, each in enumerate(examples):
            (folder / str(number)).mkdir()
            each(folder / str(number))

    return example


def inserted(where: int, content: bytes, file: Words) -> Example:
    """Bytes between headers and traces, or behind them, do not count as traces."""

    def example(folder: Path) -> None:
        path = write_line(folder / "line.sgy", file=file)
        whole = path.read_bytes()
        at = where if where >= 0 else len(whole)
        path.write_bytes(whole[:at] + content + whole[at:])
        np.testing.assert_array_equal(amplitudes(recipe(path))[0], gathers())

    return example


def little_endian(folder: Path) -> None:
    """All words swapped, the constant of revision 2 and the format of samples tell."""
    for name, file in (("old.sgy", {}), ("new.sgy", {3501: 0x0200, 3297: 0x0102, 3299: 0x0304})):
        path = write_line(folder / name, file=file)
        whole = path.read_bytes()
        words = [np.frombuffer(whole[3200:HEADERS], ">i2").byteswap().tobytes()]
        for start in range(HEADERS, len(whole), STEP):
            header = whole[start : start + 240]
            four = b"".join(header[at : at + 4][::-1] for at in range(0, 28, 4))
            four += np.frombuffer(header[28:36], ">i2").byteswap().tobytes()
            four += b"".join(header[at : at + 4][::-1] for at in range(36, 68, 4))
            four += np.frombuffer(header[68:72], ">i2").byteswap().tobytes()
            four += b"".join(header[at : at + 4][::-1] for at in range(72, 88, 4))
            words += [four, np.frombuffer(header[88:], ">i2").byteswap().tobytes()]
            words += [np.frombuffer(whole[start + 240 : start + STEP], ">f4").byteswap().tobytes()]
        swapped = bytearray(whole[:3200] + b"".join(words))
        if file:  # the revision is two single bytes
            swapped[3296:3300], swapped[3500:3502] = b"\x04\x03\x02\x01", b"\x02\x00"
        path.write_bytes(swapped)
        made = recipe(path)
        np.testing.assert_array_equal(amplitudes(made)[0], gathers())
        np.testing.assert_allclose(made.shared()["receiver"], RECEIVERS)


def offsets_as_positions(folder: Path) -> None:
    offsets, records = np.tile(-100 - 25 * np.arange(9), 3), np.repeat([7, 3, 9], 9)
    path = write_line(folder / "line.sgy", trace={73: 0, 81: 0, 9: records, 37: offsets})
    with pytest.raises(BuildError, match="`geometry=offsets`"):
        recipe(path)
    made = recipe(path, geometry="offsets")
    assert [spec.name for spec in made.specs()] == ["shot_gather"]
    np.testing.assert_allclose(made.shared()["receiver"], offsets[8::-1])
    np.testing.assert_array_equal(amplitudes(made)[:, 0], gathers()[[1, 0, 2], :, ::-1])


def dead_without_place(folder: Path) -> None:
    last = np.arange(27) % 9 == 8
    places = np.tile(10 * RECEIVERS, 3).astype(int)
    path = write_line(
        folder / "line.sgy",
        trace={
            29: np.where(last, 3, 1),
            81: np.where(last, 0, places),
            73: np.where(last, 0, np.repeat(10 * SHOTS, 9).astype(int)),
        },
    )
    made = recipe(path, most_left_out=0.2)
    assert made.left_out()[0].causes == {"dead, without coordinates": 3}
    np.testing.assert_array_equal(amplitudes(made)[0], gathers()[..., :8])


def northwards(code: int, step: float, south: int, scalar: int) -> Example:
    """Angles from 45 degrees north become distances on the ellipsoid."""
    along = np.arange(9)
    words = {
        89: code, 71: scalar, 73: 70_000, 81: 70_000,
        77: south + np.repeat([0, 2, 8], 9), 85: south + np.tile(along, 3),
    }  # fmt: skip
    _, _, metres = Geod(ellps="WGS84").inv([7] * 9, [45] * 9, [7] * 9, 45 + step * along)
    return coordinate("receiver", metres, None, words)


def hidden(folder: Path) -> None:
    write_line(folder / "line.sgy")
    (folder / "._line.sgy").write_bytes(b"\0\5\x16\7" + bytes(100))
    assert recipe(folder).records() == 1


def padded(folder: Path) -> None:
    """The step that the message names helps, also where zeros would make a trace."""
    path = write_line(folder / "line.sgy")
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(512))
    with pytest.raises(
        BuildError, match=r"27 whole traces .* 512 bytes of zeros .* remove its last 512 bytes"
    ):
        recipe(path)


def floats(code: int, words: Callable[[np.ndarray], np.ndarray]) -> Example:
    """Words of even floats are even integers, far from all that lies on Earth."""
    along = {73: words(600_000 + np.repeat(SHOTS, 9)), 81: words(600_000 + np.tile(RECEIVERS, 3))}
    plain = {71: 1, 77: 0, 85: 0}
    return both(
        refused(
            "a coordinate of 1.*e\\+09 found .*at most 1e\\+08",
            None,
            plain | along,
            {"coordinate_format": code},
        ),
        coordinate("receiver", RECEIVERS, None, plain | along, coordinate_format=code),
    )


DISTANCES = np.abs(np.tile(RECEIVERS, 3) - np.repeat(SHOTS, 9)).round().astype(int)
DEAD = gathers()
DEAD[..., 8] = np.nan
FEET = coordinate("receiver", 0.3048 * RECEIVERS, {3255: 2})

EXAMPLES: dict[str, Example] = {
    "names that begin with a dot": hidden,
    "text (1-3200 of the file)": kept({1: 0x4040, 81: 0x20}),
    "sample interval (3217, 117; 3273 since revision 2)": both(
        coordinate("time", 0.002 * np.arange(40), {3217: 2000}, {117: 2000}),
        coordinate("time", 0.002 * np.arange(40), {3217: 0}, {117: 2000}),
        coordinate("time", 0.0025 * np.arange(40), {3501: 0x200, 3273: 2500.0}, {117: 0}),
        refused("intervals of 4000 us .* and \\[2000\\] us", None, {117: 2000}, {"sample_interval": 0.004}),
    ),
    "number of samples (3221, 115; 3269 since revision 2)": both(
        kept({3221: 0}),
        kept({3221: 0, 3269: 40, 3501: 0x200}, {115: 0}),
        remarked("traces state 39 samples (bytes 115-116), the file 40", None, {115: 39}),
        refused("bytes do not hold traces of 50 samples", {3221: 50}, {115: 50}),
        refused("states a number of samples", {3221: 0}, {115: 0}),
        padded,
    ),
    "format of samples (3225)": both(
        refused("format of samples 0 found", {3225: 0}, None, {"sample_format": 5}),
        refused("samples with gain codes found", {3225: 4}),
    ),
    "sorting code (3229), ensembles (3213, 3215, 3227, 21-28)": kept(
        {3229: 2, 3213: 5, 3215: 6, 3227: 7}, {21: 3, 25: 4}
    ),
    "vertical sums (3231, 31)": both(
        kept({3231: 4}, {31: 4}), remarked("unequal numbers of shots", None, {31: 1 + FIRST})
    ),
    "sweep and correlation (3233-3250, 125-136)": both(
        refused("not correlated", {3237: 8000, 3249: 1}),
        refused("not correlated", None, {131: 8000, 125: 1}),
        kept({3233: 8, 3235: 80, 3237: 8000, 3249: 2}, {131: 8000, 125: 2}),
    ),
    "binary gain, gain of the instrument (3251, 119-124)": kept({3251: 1}, {119: 3, 121: 24, 123: 12}),
    "amplitude recovery (3253)": attribute("amplitude_recovery", "automatic gain control", {3253: 3}),
    "measurement system (3255)": both(
        FEET,
        coordinate("receiver", RECEIVERS, {3255: 2}, measurement_system="m"),
        coordinate("receiver", 0.3048 * RECEIVERS, {3255: 0}, measurement_system="ft"),
        remarked("m are assumed", {3255: 0}),
        refused("measurement system 3 found", {3255: 3}, None, {"measurement_system": "m"}),
    ),
    "impulse polarity (3257)": attribute(
        "impulse_polarity", "pressure or upward motion is positive", {3257: 2}
    ),
    "vibratory polarity (3259)": kept({3259: 3}),
    "byte order (3297 since revision 2)": both(
        little_endian, refused("pairs of bytes are swapped", {3297: 0x0201, 3299: 0x0403})
    ),
    "revision (3501)": both(kept({3501: 0}, {203: 1}), kept({3501: 0x2020}, {203: 1})),
    "flag of equal lengths (3503)": kept({3503: 1}),
    "extended text (3505)": both(
        inserted(HEADERS, b" " * 6400, {3501: 0x100, 3505: 2}),
        inserted(HEADERS, b" " * 3200 + b"((SEG: EndText))".ljust(3200), {3501: 0x100, 3505: -1}),
        refused("extended text without an end", {3501: 0x100, 3505: -1}),
    ),
    "extensions of trace headers (3507 since revision 2)": both(
        refused("up to 1 extensions of each trace header", {3501: 0x0201, 3507: 1}),
        refused("up to 2 extensions of each trace header", {3501: 0x0200, 3509: 2}),
        kept({3507: 1}),
    ),
    "first trace (3521 since revision 2)": inserted(HEADERS, b" " * 77, {3501: 0x200, 3521: HEADERS + 77}),
    "trailing stanzas (3529 since revision 2)": both(
        inserted(-1, b" " * 3200, {3501: 0x200, 3529: 1}),
        refused("stanzas of an unknown number", {3501: 0x200, 3529: -1}),
    ),
    "numbers of trace, record and shot (1-20, 197-202)": both(
        kept(None, {1: 5, 5: 6, 9: 3, 13: 7, 17: 8, 197: 9, 201: 1}),
        counted("by leave_out (bytes 13-16)", 13, 5, gathers()[..., :8], leave_out={13: 5}),
    ),
    "trace identification (29): live": both(
        kept(None, {29: 1}),
        attribute("sensor", "pressure", None, {29: 11}),
        refused(r"26 vertical \(12\), 1 in-line \(14\)", None, {29: 12 + 2 * FIRST}),
    ),
    "trace identification (29): dead, dummy": both(
        counted("dead (trace identification 2), stored as NaN", 29, 2, DEAD),
        counted("dummy (trace identification 3), stored as NaN", 29, 3, DEAD),
        dead_without_place,
        refused("no live seismic trace among 27", None, {29: 2}),
    ),
    "trace identification (29): others": both(
        counted("sweep (trace identification 6)", 29, 6, gathers()[..., :8]),
        counted("not seismic (trace identification 300)", 29, 300, gathers()[..., :8]),
        refused("no live seismic trace .*27 not seismic", None, {29: 25}),
    ),
    "device (213)": both(
        counted("time break (trace identification 4)", 213, 4, gathers()[..., :8]),
        kept(None, {213: 4368}),
        kept(None, {213: 1 + np.arange(27) % 9}),
    ),
    "stacked traces (33)": both(
        kept(None, {33: 4}),
        refused("one receiver at each shot", None, {73: np.arange(27), 81: np.arange(27)}),
    ),
    "data use (35)": counted("test records (data use 2)", 35, 2, gathers()[..., :8]),
    "distance from the shot (37)": both(
        offsets_as_positions,
        remarked("distances in bytes 37-40 are 3.", None, {37: DISTANCES * 328 // 100}),
        kept(None, {37: DISTANCES}),
    ),
    "elevations and depths, their scalar (41-70)": kept(
        None, {41: 300, 45: 301, 49: 10, 53: 5, 57: 6, 61: 7, 65: 8, 69: -10}
    ),
    "scalar of coordinates (71)": both(
        coordinate("receiver", 0.1 * RECEIVERS, None, {71: -100}),
        coordinate("receiver", 10 * RECEIVERS, None, {71: 0}),
        coordinate("receiver", 100 * RECEIVERS, None, {71: 10}),
        coordinate("receiver", 70 * RECEIVERS, None, {71: 7}),
        remarked("no power of ten were applied, such as -4 (bytes 71-72)", None, {71: -4}),
    ),
    "coordinates (73-88)": both(
        coordinate("shot", 2 * SHOTS, None, {73: np.repeat(20 * SHOTS, 9).astype(int)}),
        coordinate(
            "receiver", 2 * RECEIVERS, None, {181: np.tile(20 * RECEIVERS, 3).astype(int)},
            coordinate_bytes={"receiver_x": 181},
        ),
        refused("all receivers lie at .*`coordinate_bytes=", None, {81: 0}),
        floats(5, lambda values: np.frombuffer(values.astype(">f4").tobytes(), ">i4")),
        floats(1, lambda values: 0x45 << 24 | np.round(values * 2**24 / 16**5).astype(int)),
    ),
    "units of coordinates (89)": both(
        coordinate("receiver", RECEIVERS, None, {89: 1}),
        northwards(2, 1 / 3600, 162_000, 1),
        northwards(3, 1e-4, 450_000, -10_000),
        northwards(4, 1 / 3600, 450_000, 1),
        refused(
            "longitudes and latitudes expected",
            None,
            {89: 3, 77: 6000, 85: 6000},
            {"coordinate_units": "length"},
        ),
        refused("units of coordinates \\[7\\] found", None, {89: 7}, {"coordinate_units": "length"}),
        remarked("lengths are assumed", None, {89: 0}),
    ),
    "velocities, uphole times, static corrections (91-102)": kept(
        None, {91: 800, 93: 1800, 95: 5, 97: 6, 99: 7, 101: 8}
    ),
    "total static applied (103)": remarked("shifted by up to 0.012 s", None, {103: -12}),
    "lag times (105-108)": both(
        refused("lag times of 20", None, {105: 15, 107: 5}, {"first_sample": 0.0}),
        coordinate("time", -0.02 + 0.004 * np.arange(40), None, {105: 15, 107: 5, 109: -20}),
    ),
    "delay of the recording (109)": both(
        coordinate("time", 0.1 + 0.004 * np.arange(40), None, {109: 100}),
        coordinate("time", 0.2 + 0.004 * np.arange(40), None, {109: 100}, first_sample=0.2),
        refused("trace 1 begins at 0 s and trace 5 at 0.001 s", None, {109: FIRST}),
    ),
    "mutes (111-114)": kept(None, {111: 10, 113: 20}),
    "filters (141-156)": kept(None, dict.fromkeys(range(141, 157, 2), 5)),
    "date and time (157-168)": kept(None, dict.fromkeys(range(157, 169, 2), 5)),
    "trace weighting factor (169)": both(
        scaled(0.125, None, {169: 3}),
        scaled(np.where(np.arange(9) % 9 == 4, [[[0.5]], [[1]], [[1]]], 1.0), None, {169: FIRST}),
        refused("would be multiplied by", None, {169: -200}, {"scale_amplitudes": False}),
    ),
    "rolls, gap, over travel (171-180)": kept(None, dict.fromkeys(range(171, 181, 2), 5)),
    "midpoints, lines (181-196)": kept(None, {181: 5, 185: 6, 189: 7, 193: 8}),
    "unit of amplitudes (203 since revision 1)": both(
        attribute("units", "Pa", {3501: 0x100}, {203: 1}),
        refused("units of amplitudes", {3501: 0x100}, {203: 1 + FIRST}),
    ),
    "transduction constant and unit (205-212 since revision 1)": both(
        scaled(2.5e-3, {3501: 0x100}, {205: 25, 209: -4, 211: 6}),
        attribute("units", "m s-1", {3501: 0x100}, {203: 3, 205: 25, 209: -4, 211: 6}),
        kept(None, {205: 25, 209: -4, 211: 6}),
    ),
    "scalar of times (215)": both(
        coordinate("time", 0.1 + 0.004 * np.arange(40), None, {109: 1000, 215: -10}),
        coordinate("time", 1.0 + 0.004 * np.arange(40), None, {109: 100, 215: 10}),
        refused("scalar of times 7 found", None, {109: 100, 215: 7}, {"first_sample": 0.1}),
    ),
    "source type, energy and measurement (217-232)": kept(None, dict.fromkeys(range(217, 233, 2), 5)),
}  # fmt: skip


@pytest.mark.parametrize("field", fields("seismic/segy"))
def test_each_row_of_the_card_holds(field: str, tmp_path: Path) -> None:
    EXAMPLES[field](tmp_path)


def test_no_example_lacks_its_row() -> None:
    assert sorted(EXAMPLES) == sorted(fields("seismic/segy"))
