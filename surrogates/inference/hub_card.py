"""Metadata of a bundle's card, as the Hugging Face Hub reads them: library, license, tags and scores."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from surrogates.core.optional import require
from surrogates.inference.manifest import Manifest

LIBRARY = "sciml-surrogates"
TAGS = ("surrogate-model", "scientific-machine-learning")
LICENSES = {
    **{each: each for each in ("apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0")},
    **{"odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl"},
}
"""The hub's names of licenses by those of SPDX, in lower case."""
UNSPECIFIED = "unspecified"
ALL = "all"


def metadata(manifest: Manifest) -> str:
    """Return the metadata of a card as YAML.

    The license is that of the training data, from which the weights come.
    """
    hub = require("huggingface_hub")
    scores = list(_scores(manifest))
    return str(
        hub.ModelCardData(
            library_name=LIBRARY,
            tags=[*TAGS, *_domain(manifest)],
            metrics=sorted({each.metric_type for each in scores}) or None,
            model_name=manifest.name if scores else None,
            eval_results=scores or None,
            **_license(manifest),
        ).to_yaml()
    )


def _stores(manifest: Manifest) -> list[Mapping[str, Any]]:
    """Return what the bundle says of the stores that it was trained on."""
    found = manifest.provenance.get("datasets")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _license(manifest: Manifest) -> dict[str, str]:
    found = {str(each.get("license", UNSPECIFIED)) for each in _stores(manifest)}
    if found <= {UNSPECIFIED}:
        return {}
    known = {LICENSES.get(each.partition(" ")[0].lower()) for each in found}
    if len(known) == 1 and (name := known.pop()) is not None:
        return {"license": name}
    return {"license": "other", "license_name": _slug("-and-".join(sorted(found)))}


def _domain(manifest: Manifest) -> list[str]:
    """Return the domain of the network's or the transform's name, if it has one."""
    named = [str(each.get("name")) for each in (manifest.pipeline.transform, manifest.pipeline.network)]
    domains = [name.partition("/")[0] for name in named if "/" in name]
    return list(dict.fromkeys(domains))


def _scores(manifest: Manifest) -> Iterator[Any]:
    """Yield the scores of the network over all records of the test subset, as the hub lists them."""
    hub = require("huggingface_hub")
    rows = manifest.metrics.get("rows")
    stores = _stores(manifest)
    title = ", ".join(dict.fromkeys(str(each.get("title", "")) for each in stores)) or manifest.name
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or (row.get("method"), row.get("group")) != (
            manifest.metrics.get("model"),
            ALL,
        ):
            continue
        value = row.get("value")
        if isinstance(value, int | float) and math.isfinite(value):  # the hub takes no NaN
            yield hub.EvalResult(
                task_type="other",
                task_name=f"prediction of {row.get('target')}",
                dataset_type=_slug(title),
                dataset_name=title,
                dataset_split="test",
                metric_type=str(row.get("metric")).partition("(")[0],
                metric_name=f"{row.get('metric')} of {row.get('target')} in {row.get('units', '1')}",
                metric_value=value,
            )


def _slug(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text).strip("-").lower()[:90] or "unnamed"
