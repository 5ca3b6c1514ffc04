from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.archive import ids, mapping
from pipeline.errors import ArchiveError

NAMES = sorted(mapping.packaged_tables())


def test_both_tables_are_packaged() -> None:
    assert NAMES == ["earth-search", "planetary-computer"]


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_complete(name: str) -> None:
    table = mapping.load_table(name)
    assert mapping.table_for(table.url + "/") == name and table.url.startswith("https://")
    for asset, rules in table.collections.items():
        assert ids.canonical(asset) == asset and rules.title
        assert bool(rules.bands) is not bool(rules.refused)
        assert len({b.name for b in rules.bands}) == len(rules.bands)
        assert any(b.harmonised for b in rules.bands) is (rules.harmonise is not None)


@pytest.mark.parametrize("name", NAMES)
def test_sentinel_2_has_earth_engines_bands(name: str) -> None:
    rules = mapping.load_table(name).collections["COPERNICUS/S2_SR_HARMONIZED"]
    numbered = [f"B{i}" for i in (1, 2, 3, 4, 5, 6, 7, 8)]
    assert [b.name for b in rules.bands] == [*numbered, "B8A", "B9", "B11", "B12", "AOT", "WVP", "SCL"]
    assert {b.name for b in rules.bands if not b.harmonised} == {"AOT", "WVP", "SCL"}
    assert all(b.nodata == 0 and b.type.max in (255, 65535) for b in rules.bands)
    assert {p.name for p in rules.properties} >= {"CLOUDY_PIXEL_PERCENTAGE", "MGRS_TILE", "SPACECRAFT_NAME"}


@pytest.mark.parametrize(
    ("properties", "offset"),
    [
        ({"b": "02.14"}, 0), ({"b": "03.01"}, 0), ({"b": "04.00"}, -1000), ({"b": "05.11"}, -1000),
        ({"b": "05.11", "done": True}, 0), ({"b": "05.11", "done": False}, -1000),
        ({"datetime": "2021-06-01T00:00:00Z"}, 0),
    ],
)  # fmt: skip
def test_the_offset_of_baseline_4(properties: dict[str, Any], offset: float) -> None:
    rule = mapping.Harmonise("b", 4.0, -1000, "done")
    assert rule.offset_of({"id": "x", "properties": properties}) == offset


def test_an_unknown_baseline_is_an_error() -> None:
    with pytest.raises(ArchiveError, match="'x' does not say its processing baseline"):
        mapping.Harmonise("b", 4.0, -1000).offset_of({"id": "x", "properties": {"datetime": "2023-01-01T00:00:00Z"}})


@pytest.mark.parametrize(
    ("change", "given", "wanted"),
    [
        ("upper", "descending", "DESCENDING"), ("mgrs", "MGRS-1CCV", "01CCV"), ("title", "sentinel-2a", "Sentinel-2A"),
        ("product", "S2A_X.SAFE", "S2A_X"), ("initial", "high", "H"), ("complement", 60.5, 29.5),
        ("number", "017", 17), ("spacecraft", "landsat-8", "LANDSAT_8"), ("last_letter", "sentinel-1a", "A"),
        (None, [1], [1]),
    ],
)  # fmt: skip
def test_changes_of_properties(change: str | None, given: Any, wanted: Any) -> None:
    assert mapping.PropertyRule("N", "n", change).value({"n": given}) == wanted
    assert mapping.PropertyRule("N", "n", change).value({}) is None


@pytest.mark.parametrize(
    "text",
    ["[1]", "url: x", "{url: x, collections: {C: {}}}", "a: b: c",
     "{url: x, collections: {C: {collection: c, bands: {B: {asset: a, typo: 1}}}}}",
     "{url: x, collections: {C: {collection: c, properties: {P: {from: p, change: eval}}}}}"],
)  # fmt: skip
def test_wrong_tables_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(text)
    with pytest.raises(ArchiveError, match="is not valid"):
        mapping.load_table(path)


def test_unknown_tables_name_the_known() -> None:
    with pytest.raises(ArchiveError, match="earth-search, planetary-computer"):
        mapping.load_table("nowhere")
    with pytest.raises(ArchiveError, match="No table is known for https://example"):
        mapping.table_for("https://example.com")
