"""Bundles of strangers: a sound one is changed, hashes included, and loaded in a watched child."""

import json
import os
import shutil
import socket
import struct
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import yaml

Maker = Callable[[Path], Any]
MANIFEST, WEIGHTS, EXAMPLE = "bundle.yaml", "weights.safetensors", "example.safetensors"
HIDDEN = "\x1b]0;pwned\x07\x1b[2J\u202e"
HUGE = 1 << 40


def edited(path: str, value: Any) -> Maker:
    """Replace what a dotted path of the manifest names."""

    def make(folder: Path) -> None:
        data = _read(folder)
        *parents, last = path.split(".")
        holder = data
        for key in parents:
            holder = holder[int(key)] if isinstance(holder, list) else holder[key]
        holder[int(last) if isinstance(holder, list) else last] = value
        _write(folder, data)

    return make


def network(name: str, **arguments: Any) -> Maker:
    """Ask for another network."""
    return edited("pipeline.network", {"name": name, **arguments})


def text(content: str) -> Maker:
    """Replace the whole manifest."""
    return lambda folder: (folder / MANIFEST).write_text(content, encoding="utf-8")


def added(line: str) -> Maker:
    """Add lines behind the manifest."""

    def make(folder: Path) -> None:
        path = folder / MANIFEST
        path.write_text(f"{path.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")

    return make


def weights(content: Callable[[bytes], bytes]) -> Maker:
    """Change the bytes of the weights; the hash fits."""

    def make(folder: Path) -> None:
        path = folder / WEIGHTS
        path.write_bytes(content(path.read_bytes()))
        _rehash(folder)

    return make


def tensors(change: Callable[[dict[str, Any]], Any]) -> Maker:
    """Change the tensors of the weights."""

    def make(folder: Path) -> None:
        from safetensors.numpy import load_file, save_file

        values = load_file(folder / WEIGHTS)
        change(values)
        save_file(values, folder / WEIGHTS)
        _rehash(folder)

    return make


def spoilt(value: float) -> Maker:
    """Put a number into the first weight of floating point."""

    def change(values: dict[str, Any]) -> None:
        name = next(name for name in sorted(values) if values[name].dtype.kind == "f")
        values[name] = np.full_like(values[name], value)

    return tensors(change)


def in_place_of(name: str, make: Maker) -> Maker:
    """Put something else in the place of a file."""

    def making(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return making


def sparse(name: str, size: int = HUGE) -> Maker:
    """Make a file huge without a byte on the disk."""

    def make(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.truncate(size)

    return make


def header(fields: dict[str, Any], length: int | None = None) -> Callable[[bytes], bytes]:
    """Return what makes weights of a header and no data."""
    content = json.dumps(fields).encode()
    return lambda _: struct.pack("<Q", len(content) if length is None else length) + content


def bound(path: Path) -> None:
    """Make a socket of a short name, since those have few letters."""
    here = os.open(path.parent, os.O_RDONLY)
    os.fchdir(here)
    os.close(here)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


def member(change: Maker) -> Maker:
    """Make an ensemble of two, and change it."""

    def make(folder: Path) -> None:
        whole = folder.with_name(f"{folder.name}-alone")
        folder.rename(whole)
        folder.mkdir()
        members = {}
        for name in ("member-1", "member-2"):
            shutil.copytree(whole, folder / name)
            members[name] = _hash(folder / name / MANIFEST)
        _write(folder, {**_read(whole), "members": members, "files": {}})
        change(folder)

    return make


def members_in_members(folder: Path) -> None:
    """Put an ensemble in the place of a member."""
    inner = folder / "member-1"
    member(lambda _: None)(inner)
    data = _read(folder)
    data["members"]["member-1"] = _hash(inner / MANIFEST)
    _write(folder, data)


def example(shape: list[int], *, size: int = 4) -> Maker:
    """Add an example whose header says a shape."""

    def make(folder: Path) -> None:
        fields = {"height": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}
        (folder / EXAMPLE).write_bytes(header(fields)(b"") + bytes(size))
        data = _read(folder)
        data["files"][EXAMPLE] = _hash(folder / EXAMPLE)
        _write(folder, data)

    return make


def in_zoo(change: Maker, name: str = "radio/geo2sigmap_directional") -> Maker:
    """Change a bundle that ships with the package, whose transform holds a frozen first stage."""

    def make(folder: Path) -> None:
        from surrogates.inference.zoo import folder_of

        shutil.rmtree(folder)
        shutil.copytree(folder_of(name), folder)
        change(folder)

    return make


def nested(levels: int) -> Any:
    """A second stage in a second stage, many times over."""
    node: Any = {"transform": {"name": "radio/physics"}}
    for _ in range(levels):
        node = {"transform": {"name": "radio/directional", "iso": node}}
    return node


def anchored(levels: int = 12) -> str:
    """A small text of aliases that stands for a huge one."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    return "\n".join(lines + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)])


TABLE = {"scores": [1.0], "shares": [0.5], "count": 4.0, "blocks": 2}
WIDE = "less than or equal to|are allowed"
LISTS = "at most 16|should have at most|more than 131072|are allowed"
EMPTY = "holds nothing|no plain YAML"

CASES: dict[str, tuple[Maker, str]] = {
    # numbers that a constructor takes
    "depth": (network("mlp", depth=200_000), WIDE),
    "depth as text": (network("mlp", depth="200000"), WIDE),
    "depth as a float": (network("mlp", depth=2e5), WIDE),
    "depth as text of a float": (network("mlp", depth="200000.0"), WIDE),
    "depth in other digits": (
        network("mlp", depth="\uff12\uff10\uff10\uff10\uff10\uff10"),
        f"{WIDE}|integer",
    ),
    "depth with underscores": (network("mlp", depth="400_000_000"), WIDE),
    "depth of 5000 digits": (
        edited("pipeline.network.depth", "9" * 5000),
        "exceeded maximum size|are allowed",
    ),
    "depth of 5000 digits, bare": (added(f"stated: {{a: {'9' * 5000}}}"), "no plain YAML"),
    "width": (network("mlp", width=1 << 24), WIDE),
    "width beyond 64 bits": (network("mlp", width=1 << 70), WIDE),
    "width below zero": (network("mlp", width=-1), "greater than 0"),
    "width of infinity": (network("mlp", width=float("inf")), "integer|finite|are allowed"),
    "width of NaN": (network("mlp", width=float("nan")), "integer|finite"),
    "levels of a U-Net": (network("geo_unet", levels=200_000), WIDE),
    "depth of a U-Net": (network("unet", depth=200_000), WIDE),
    "patch of a U-Net": (network("geo_unet", patch=1 << 24), WIDE),
    "dilations": (network("tcn", depth=200_000, horizon=1), WIDE),
    "kernel": (network("tcn", kernel=1 << 24, horizon=1), WIDE),
    "horizon": (network("lstm", horizon=1 << 24), WIDE),
    "stacked cells": (network("gru", depth=1 << 24), WIDE),
    "heads": (network("sequence_transformer", width=1 << 24, heads=1 << 24, horizon=1), WIDE),
    "samples of a process": (network("radio/sector_process", samples=1 << 24), WIDE),
    "steps of a roll-out": (edited("predictor", {"name": "rollout", "steps": 200_000}), WIDE),
    "steps without a horizon": (edited("predictor", {"name": "rollout", "steps": 8}), "no dimension"),
    # lists that a constructor reads
    "channels": (network("latent_unet", channels=[2] * 100_000), LISTS),
    "channels, few and huge": (network("latent_unet", channels=[1 << 24] * 5), f"{WIDE}|fields"),
    "couplings": (network("invertible_x_net", architecture=[1] * 100_000), LISTS),
    "couplings, few and huge": (network("invertible_x_net", architecture=[1 << 24] * 4), WIDE),
    "quantiles": (
        edited("pipeline.head", {"name": "quantiles", "levels": [k / 4096 for k in range(1, 4096)]}),
        "at most 999",
    ),
    "features": (edited("pipeline.network.features", [2] * 100_000), "unknown key"),
    "a list of lists": (
        edited("pipeline.network.width", [[1] for _ in range(60_000)]),
        "more than 131072|width",
    ),
    "grid": (edited("pipeline.transform.grid", ["y"] * 1000), "stands twice"),
    "members": (edited("members", {f"m{k}": "0" * 64 for k in range(300)}), "at most 256"),
    "scores of a calibration": (
        edited("calibration", {"gain": TABLE | {"scores": [1.0] * 2000, "shares": [0.5] * 2000}}),
        "at most 1024",
    ),
    "trust without a file of distances": (edited("trust", TABLE), "which tells distances, is not listed"),
    "a file of distances that is missing": (
        edited("files", {WEIGHTS: "0", "distance-0.safetensors": "0" * 64}),
        "lacks the file 'distance-0.safetensors'",
    ),
    "values of a coordinate": (edited("coordinates.x.values", [0.0] * 20_000), "at most 16384"),
    "variables": (
        edited("specs", [{"name": f"v{k}", "dims": ["sample"], "shape": []} for k in range(1500)]),
        "at most 1000",
    ),
    # shapes
    "a huge grid": (edited("pipeline.inputs.0.shape", [1 << 20, 1 << 20]), "cells are allowed"),
    "a shape of zero": (edited("pipeline.inputs.0.shape", [0, 5]), "cells are allowed"),
    "a shape below zero": (edited("pipeline.inputs.0.shape", [-6, -5]), "cells are allowed"),
    "a shape beyond 64 bits": (edited("pipeline.inputs.0.shape", [1 << 70, 1]), "cells are allowed|integer"),
    "a shape of text": (edited("pipeline.inputs.0.shape", ["6", "4000000000"]), "cells are allowed"),
    "many channels": (
        edited("pipeline.inputs.1", {"name": "power", "dims": ["sample", "k"], "shape": [60_000_000]}),
        "channels",
    ),
    "a dimension of another length": (edited("pipeline.inputs.0.shape", [7, 5]), "is 7 long"),
    # names
    "a network that is none": (network("os.system"), "No model is registered"),
    "a predictor that is none": (edited("predictor", {"name": "../direct"}), "No predictor is registered"),
    "a network without a name": (edited("pipeline.network", {"depth": 2}), "expected 'name"),
    "_target_": (edited("pipeline.network", {"_target_": "os.system"}), "expected 'name"),
    "_target_ beside a name": (network("mlp", _target_="os.system"), "unknown key '_target_'"),
    "a variable that climbs": (edited("pipeline.targets.0.name", "../../gain"), "cannot be a name"),
    "a variable without a name": (edited("pipeline.targets.0.name", ""), "cannot be a name"),
    "a variable with controls": (edited("pipeline.targets.0.name", HIDDEN), "cannot be a name"),
    "a dimension with a separator": (edited("pipeline.targets.0.dims", ["sample", "y\u2028", "x"]), "name"),
    "a key with controls": (edited(HIDDEN, 1), "unknown key"),
    "an absolute file": (edited("files./etc/passwd", "0" * 64), "leaves the bundle's folder"),
    "a file above": (edited("files", {"..": "0", WEIGHTS: "0"}), "leaves the bundle's folder"),
    "a file with a zero byte": (edited("files", {"a\0b": "0", WEIGHTS: "0"}), "leaves the bundle's folder"),
    "a file of 10000 letters": (
        edited("files", {"a" * 10_000: "0", WEIGHTS: "0"}),
        "leaves the bundle's folder",
    ),
    "a name of a megabyte": (edited("name", "x" * 900_000), "at most 200"),
    "a dtype that is an object": (edited("pipeline.inputs.0.dtype", "O"), "dtype"),
    "a dtype that is a structure": (edited("pipeline.inputs.0.dtype", "f4,f4"), "dtype"),
    # the manifest as a text
    "aliases": (text(anchored()), "aliases"),
    "aliases of its own": (text("a: &a [*a]"), "aliases"),
    "a merge key": (text("base: &b {x: 1}\ny: {<<: *b}"), "merges keys"),
    "a merge key of its own": (added("<<: {name: other}"), "merges keys"),
    "a tag": (text("name: !!python/object/apply:os.system ['touch pwned']"), "no plain YAML"),
    "a binary tag": (added("stated: !!binary aGVsbG8="), "plain"),
    "a timestamp": (edited("provenance.when", date(2026, 1, 1)), "plain values"),
    "a date that is none": (added("stated: {a: 2026-99-99}"), "no plain YAML|plain values|valid"),
    "a set": (added("stated: !!set {a, b}"), "plain"),
    "a key that is a list": (added("? [1, 2]\n: 3"), "plain"),
    "a key twice": (added("name: other"), "already"),
    "two documents": (added("---\nname: other"), "no plain YAML"),
    "deep lists": (text("[" * 100_000), "nested deeper|nesting depth"),
    "deep mappings": (text("{a: " * 10_000), "nested deeper|nesting depth"),
    "nothing": (text(""), EMPTY),
    "a comment": (text("# " + "x" * 1000), EMPTY),
    "a zero byte": (text("name: a\0b"), "no plain YAML"),
    "bytes that are no text": (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe\xff"), "no text"),
    "a manifest of 5 MB": (added("# " + "x" * (5 << 20)), "bytes"),
    "a sparse manifest": (sparse(MANIFEST), "bytes"),
    "format_version as text": (edited("format_version", "2"), "format_version '2'"),
    "a format_version to come": (edited("format_version", 1 << 70), "format_version"),
    "no format_version": (edited("format_version", None), "format_version None"),
    # files
    "a pipe for the manifest": (in_place_of(MANIFEST, os.mkfifo), "neither a file nor a folder"),
    "a pipe for the weights": (in_place_of(WEIGHTS, os.mkfifo), "neither a file nor a folder"),
    "a pipe beside them": (in_place_of("notes", os.mkfifo), "neither a file nor a folder"),
    "a socket for the weights": (in_place_of(WEIGHTS, bound), "neither a file nor a folder"),
    "a folder for the manifest": (in_place_of(MANIFEST, Path.mkdir), f"no {MANIFEST}"),
    "a folder for the weights": (in_place_of(WEIGHTS, Path.mkdir), "lacks the file"),
    "a link to a device": (in_place_of("zero", lambda p: p.symlink_to("/dev/zero")), "symbolic link"),
    "a link to its own folder": (in_place_of("loop", lambda p: p.symlink_to(".")), "symbolic link"),
    "a link that leads nowhere": (in_place_of("gone", lambda p: p.symlink_to("/none")), "symbolic link"),
    "a pickle beside them": (in_place_of("old.ckpt", Path.touch), "may hold a pickle"),
    "sparse weights": (sparse(WEIGHTS), "larger than"),
    "a sparse file beside them": (sparse("notes.md"), "larger than"),
    # weights
    "weights of NaN": (spoilt(float("nan")), "holds NaN or infinity"),
    "weights of infinity": (spoilt(float("inf")), "holds NaN or infinity"),
    "no weights": (weights(lambda _: b""), "no intact safetensors"),
    "weights cut short": (weights(lambda content: content[:-1]), "no intact safetensors"),
    "weights with more behind": (weights(lambda content: content + b"x"), "no intact safetensors"),
    "weights of another hash": (edited("files", {WEIGHTS: "0" * 64}), "hash"),
    "a header of 100 MB": (weights(lambda _: struct.pack("<Q", 100_000_000)), "no intact safetensors"),
    "a header beyond the file": (weights(header({}, 1 << 62)), "no intact safetensors"),
    "a header of deep lists": (weights(lambda _: struct.pack("<Q", 40_000) + b"[" * 40_000), "no intact"),
    "tensors that overlap": (
        weights(header({k: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for k in "ab"})),
        "no intact safetensors",
    ),
    "a shape that overflows": (
        weights(header({"a": {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 0]}})),
        "no intact safetensors",
    ),
    "a tensor missing": (tensors(lambda values: values.pop(sorted(values)[0])), "lack"),
    "a tensor too many": (tensors(lambda values: values.update(other=np.zeros(3, "f4"))), "too many"),
    "a tensor of integers": (
        tensors(lambda values: values.update({k: v.astype("i4") for k, v in values.items()})),
        "shape and type",
    ),
    # bundles in bundles
    "stages in stages": (
        in_zoo(edited("pipeline.transform.iso", nested(12))),
        "needs|hostile|make a network",
    ),
    "stages without end": (in_zoo(edited("pipeline.transform.iso", nested(100))), "nest"),
    "a stage that is a number": (in_zoo(edited("pipeline.transform.iso", 5)), "'iso' should be"),
    "a stage of numbers": (
        in_zoo(edited("pipeline.transform.iso", {"transform": 5, "network": 5})),
        "do not make a network",
    ),
    "a stage of many levels": (
        in_zoo(edited("pipeline.transform.iso.network", {"name": "geo_unet", "levels": 200_000})),
        WIDE,
    ),
    "steps along a ray": (in_zoo(edited("pipeline.transform.steps", 200_000)), WIDE),
    "one member": (member(edited("members", {"member-1": "0"})), "hash|two members"),
    "a member above": (member(edited("members", {"..": "0", "a": "0"})), "leaves the bundle's folder"),
    "a member that is missing": (member(edited("members", {"m": "0", "n": "0"})), "lacks the member"),
    "a member of another hash": (member(edited("members", {"member-1": "0", "member-2": "0"})), "hash"),
    "members in members": (member(members_in_members), "an ensemble itself"),
    "a pipe in a member": (
        member(lambda f: in_place_of(WEIGHTS, os.mkfifo)(f / "member-2")),
        "neither a file nor a folder",
    ),
    "an example of another shape": (example([1, 7, 5]), "lacks the input|has the shape|no intact"),
    "an example beyond its file": (example([1 << 40, 6, 5]), "no intact safetensors"),
}
SOUND: dict[str, Maker] = {
    "a hard link for the weights": lambda f: os.link(f / WEIGHTS, f.with_name(f"{f.name}-linked")),
    "a title with controls": edited("name", HIDDEN),
    "an interpolation": edited("name", "${oc.env:HOME}"),
    "fields with controls": edited("provenance", {HIDDEN: HIDDEN}),
    "an ensemble": member(lambda _: None),
}


def load_each(folder: str, names: list[str]) -> str:
    """Change a sound bundle as each case asks, load it, and return what is said of it."""
    from surrogates.cli.main import _is_users_mistake, _one_line
    from surrogates.inference.bundle import load_bundle
    from surrogates.inference.example import read_example

    said = {}
    for number, name in enumerate(names):
        case = Path(folder).with_name(f"case-{number}")
        shutil.copytree(folder, case)
        (CASES[name][0] if name in CASES else SOUND[name])(case)
        os.chdir(case.parent)
        try:
            loaded = load_bundle(case)
            if EXAMPLE in loaded.manifest.files:
                read_example(loaded)
            said[name] = ""
        except Exception as error:
            said[name] = _one_line(error) if _is_users_mistake(error) else f"Traceback: {error!r}"
        said[name] = said[name].replace(str(case.parent), "")
    return json.dumps(said)


def _read(folder: Path) -> dict[str, Any]:
    return dict(yaml.load((folder / MANIFEST).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


def _write(folder: Path, data: dict[str, Any]) -> None:
    text = yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def _rehash(folder: Path) -> None:
    data = _read(folder)
    data["files"][WEIGHTS] = _hash(folder / WEIGHTS)
    _write(folder, data)


def _hash(path: Path) -> str:
    from surrogates.inference.manifest import sha256

    return sha256(path)
