"""Croissant metadata of a store (JSON-LD of MLCommons, version 1.1), by `mlcroissant`; nothing is fetched.

Croissant knows no Zarr: file objects stand for the root's ``zarr.json`` and for the receipts, which hold the
hashes of all values, each with its SHA-256, and a file set for the shards. Paths are relative to the store.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from datasets.factory.advice import how_to_resume
from datasets.factory.cards import introduction, section, store_card
from datasets.factory.errors import BuildError
from datasets.factory.files import Files
from datasets.store.layout import Store
from datasets.store.specs import SPLIT_NAMES
from datasets.store.summary import summary_path
from datasets.store.units import display
from surrogates.core.optional import require

VERSION = "http://mlcommons.org/croissant/1.1"
PUBLISHED_SPLITS = {
    "train": "http://mlcommons.org/croissant/TrainingSplit",
    "validation": "http://mlcommons.org/croissant/ValidationSplit",
    "test": "http://mlcommons.org/croissant/TestSplit",
}
LICENCE = re.compile(r"(MIT|[A-Za-z][\w.-]*-\d[\w.]*)( \([^;]*\))?")
"""An identifier of SPDX, with a remark perhaps."""


def croissant(store: Store) -> dict[str, Any]:
    """Return the Croissant metadata of a store.

    Parameters
    ----------
    store
        A complete store.

    Raises
    ------
    BuildError
        When the store is not complete.
    MissingExtraError
        Without `mlcroissant`.
    """
    mlc = require("mlcroissant", "Croissant metadata")
    if not store.is_complete:
        first = how_to_resume(store.url, store.text("recipe"))
        raise BuildError(f"{store.url} is not complete; first {first}")
    card = store_card(store)
    context = mlc.Context(conforms_to=VERSION)
    metadata = mlc.Metadata(
        ctx=context,
        name=store.text("title"),
        description=introduction(card),
        license=_licences(store.text("license")),
        url=store.url if "://" in store.url else PurePosixPath(store.url).name,
        version=store.whole_number("recipe_version"),
        date_created=datetime.fromisoformat(store.text("history").split()[0]),
        cite_as=section(card, "Citation") or None,
        keywords=[store.text("recipe"), "zarr"],
        distribution=_distribution(mlc, context, store),
        record_sets=[_splits(mlc, context), _records(mlc, context, store)],
    )
    return dict(json.loads(json.dumps(metadata.to_json(), default=str)))


def _licences(text: str) -> list[str]:
    found = LICENCE.fullmatch(text)
    return [f"https://spdx.org/licenses/{found[1]}.html", *([text] if found[2] else [])] if found else [text]


def _distribution(mlc: Any, context: Any, store: Store) -> list[Any]:
    about = f"Metadata of all arrays; fingerprint of the values: {store.fingerprint}"
    files = [_file(mlc, context, store, "metadata", "zarr.json", about, "application/json")]
    if summary := summary_path(store.root):
        about = "Receipts of all shard rows with the hashes of their values"
        receipts = f"{summary}/receipts/c/0"
        files.append(_file(mlc, context, store, "receipts", receipts, about, "application/vnd+zarr"))
    shards = mlc.FileSet(
        ctx=context,
        id="shards",
        name="shards",
        description="Zarr v3 arrays; open the folder with xarray.open_zarr",
        includes=["*/c/**"],
        encoding_formats=["application/vnd+zarr"],
    )
    return [*files, shards]


def _file(mlc: Any, context: Any, store: Store, id: str, name: str, about: str, encoding: str) -> Any:
    """Return the file object of a file of the store."""
    content = Files(store.url, store.storage_options).read(name)
    return mlc.FileObject(
        ctx=context,
        id=id,
        name=name,
        description=about,
        content_url=f"{store.url}/{name}" if "://" in store.url else name,
        content_size=f"{len(content)} B",
        encoding_formats=[encoding],
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _splits(mlc: Any, context: Any) -> Any:
    """Return the record set of what the numbers of a split mean."""
    kinds = {"label": mlc.DataType.INT8, "name": mlc.DataType.TEXT, "url": mlc.DataType.URL}
    rows = [
        {"splits/label": value, "splits/name": name, "splits/url": PUBLISHED_SPLITS.get(name, "")}
        for value, name in SPLIT_NAMES.items()
    ]
    return mlc.RecordSet(
        ctx=context,
        id="splits",
        name="splits",
        description="What the numbers of a split mean",
        data_types=[mlc.DataType.SPLIT],
        key=["splits/label"],
        fields=[
            mlc.Field(ctx=context, id=f"splits/{name}", name=name, data_types=[kind])
            for name, kind in kinds.items()
        ],
        data=rows,
    )


def _records(mlc: Any, context: Any, store: Store) -> Any:
    """Return the record set of the record variables and the splits."""
    return mlc.RecordSet(
        ctx=context,
        id="records",
        name="records",
        description=f"{store.records} records along the dimension '{store.record_dimension}'",
        fields=[mlc.Field(ctx=context, **about) for about in _fields(mlc, context, store)],
    )


def _fields(mlc: Any, context: Any, store: Store) -> Iterator[dict[str, Any]]:
    values = mlc.Extract(ctx=context, file_property="content")
    source = mlc.Source(ctx=context, file_set="shards", extract=values)
    for name, spec in store.specs.items():
        units = spec.display_units or display(spec.units) or "1"
        about = f"{spec.long_name}; dimensions: {', '.join(spec.dims)}; units: {units}"
        if np.dtype(spec.dtype).kind == "c":
            about = f"{about}; complex numbers, each a real and an imaginary part"
        array = {"is_array": True, "array_shape": ",".join(map(str, spec.shape))} if spec.shape else {}
        yield {
            "id": f"records/{name}",
            "name": name,
            "description": about if units == spec.units else f"{about} (UDUNITS: {spec.units})",
            "data_types": [_type(mlc, spec.dtype)],
            "source": source,
            **array,
        }
    for name in store.split_names():
        labels, attributes = store.split(name), store.array(name).attrs
        counts = ", ".join(
            f"{int(np.count_nonzero(labels == value))} {subset}" for value, subset in SPLIT_NAMES.items()
        )
        yield {
            "id": f"records/{name}",
            "name": name,
            "description": "; ".join(
                [
                    str(attributes["long_name"]),
                    f"keeps whole: {attributes['keeps_whole']}",
                    f"records: {counts}",
                ]
            ),
            "data_types": [mlc.DataType.INT8],
            "source": source,
            "references": mlc.Source(ctx=context, field="splits/label"),
        }


def _type(mlc: Any, dtype: str) -> str:
    """Return Croissant's data type of a NumPy type; complex numbers are pairs of floats there."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return str(mlc.DataType.BOOL)
    name = f"float{4 * kind.itemsize}" if kind.kind == "c" else kind.name
    return str(getattr(mlc.DataType, name.upper()))
