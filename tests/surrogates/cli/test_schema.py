"""`surrogates schema` writes what an editor checks YAML files by."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from surrogates.cli.main import main

CONF = Path(__file__).parents[3] / "conf"


def schema_of(*words: object, out: Path) -> jsonschema.Draft202012Validator:
    with pytest.raises(SystemExit) as stop:
        main(["schema", *map(str, words), "--out", str(out)])
    assert not stop.value.code
    schema = json.loads(out.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_shipped_site_fits_the_schema_of_its_recipe(tmp_path: Path) -> None:
    schema = schema_of("recipe", "radio/drive_test", out=tmp_path / "site.json")
    site = yaml.safe_load((CONF / "site" / "duke.yaml").read_text())
    schema.validate(site)
    site["cells"]["A"]["hieght"] = 3
    assert not schema.is_valid(site)


def test_keys_are_checked_as_they_are_typed(tmp_path: Path) -> None:
    schema = schema_of("recipe", "seismic/openfwi_like", out=tmp_path / "keys.json")
    for keys in ({"family": "salt"}, {"family": ["salt", "style-a"]}, {"frequency": [5, 25]}, {"workers": 2}):
        schema.validate(keys)
    for keys in ({"samples": 0}, {"sampels": 3}, {"parts": "three"}):
        assert not schema.is_valid(keys)


def test_the_schema_of_the_generic_import_is_that_of_its_mapping(tmp_path: Path) -> None:
    schema = schema_of("recipe", "generic", out=tmp_path / "mapping.json")
    mapping = {"title": "Tank", "files": "*.nc", "variables": {"h": {"units": "m"}}}
    schema.validate(mapping)
    mapping["variables"]["h"]["unit"] = "m"
    assert not schema.is_valid(mapping)
