"""Tables that map a STAC API's collections, assets and properties to Earth Engine's: read, checked, applied to names.

Packaged tables lie in `tables/`; a file of the same form may be given instead. No network here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from pipeline.engine.values import PixelType, named_type
from pipeline.errors import ArchiveError

BASELINE_DATE = "2022-01-25"

CHANGES: dict[str, Callable[[Any], Any]] = {
    "upper": lambda v: str(v).upper(),
    "title": lambda v: str(v).title(),
    "initial": lambda v: str(v)[:1].upper(),
    "mgrs": lambda v: str(v).partition("-")[2].zfill(5),
    "product": lambda v: str(v).removesuffix(".SAFE"),
    "complement": lambda v: 90 - float(v),
    "number": lambda v: int(v),
    "spacecraft": lambda v: str(v).upper().replace("-", "_"),
    "last_letter": lambda v: str(v)[-1].upper(),
}


@dataclass(frozen=True)
class BandRule:
    """Which asset (and band of it) holds a band, and what its numbers mean."""

    name: str
    asset: str
    index: int = 1
    type: PixelType = field(default_factory=lambda: named_type("float"))
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    harmonised: bool = False


@dataclass(frozen=True)
class PropertyRule:
    """Which STAC property an Earth Engine property comes from, and how it is rewritten."""

    name: str
    source: str
    change: str | None = None

    def value(self, properties: Mapping[str, Any]) -> Any:
        """Earth Engine's value; None where the item has none."""
        found = properties.get(self.source)
        return found if found is None or self.change is None else CHANGES[self.change](found)


@dataclass(frozen=True)
class IndexRule:
    """How Earth Engine's `system:index` follows from a STAC item, and how an item is found by it.

    `parts` cut a piece out of a STAC property (or the id) each, for `form`; `find` takes an index apart again.
    """

    form: str
    parts: Mapping[str, tuple[str, str]]
    find: str
    query: Mapping[str, str]

    def of(self, item: Mapping[str, Any]) -> str:
        """Earth Engine's index; the STAC id where the item lacks a part."""
        given = {**item["properties"], "id": item["id"]}
        cut = {name: re.search(match, str(given.get(source))) for name, (source, match) in self.parts.items()}
        return self.form.format(**{k: m[1] for k, m in cut.items() if m}) if all(cut.values()) else str(item["id"])

    def criteria(self, index: str) -> dict[str, Any] | None:
        """What to search for, on the index's day or just after it; None for what is no such index."""
        found = re.fullmatch(self.find, index)
        if found is None:
            return None
        start = datetime.strptime(found["day"], "%Y%m%d")
        return {
            "datetime": f"{start.isoformat()}Z/{(start + timedelta(hours=26)).isoformat()}Z",
            "query": {name: {"eq": value.format(**found.groupdict())} for name, value in self.query.items()},
        }


@dataclass(frozen=True)
class Harmonise:
    """The offset that images of a processing baseline carry, unless a flag says that it has been taken off."""

    baseline: str
    start: float
    offset: float
    unless: str | None = None

    def offset_of(self, item: Mapping[str, Any]) -> float:
        """What must be added to an item's stored numbers."""
        properties = item["properties"]
        if self.unless and properties.get(self.unless):
            return 0.0
        baseline = properties.get(self.baseline)
        if baseline is not None:
            return self.offset if float(baseline) >= self.start else 0.0
        if str(properties.get("datetime") or properties.get("start_datetime")) < BASELINE_DATE:
            return 0.0
        raise ArchiveError(f"Item '{item['id']}' does not say its processing baseline ({self.baseline}). Leave it out.")


@dataclass(frozen=True)
class Collection:
    """How one Earth Engine collection is found in a STAC API."""

    id: str
    collection: str
    title: str
    bands: tuple[BandRule, ...]
    properties: tuple[PropertyRule, ...]
    where: Mapping[str, Any]
    harmonise: Harmonise | None
    mosaic: bool
    refused: str | None
    index: IndexRule | None

    def index_of(self, item: Mapping[str, Any]) -> str:
        """The `system:index` of an item."""
        return self.index.of(item) if self.index else str(item["id"])


@dataclass(frozen=True)
class Table:
    """All that is known about one STAC API."""

    url: str
    sign: str | None
    addresses: Mapping[str, str]
    collections: Mapping[str, Collection]


def load_table(name: str | Path) -> Table:
    """A packaged table by name, or one from a YAML file."""
    packaged = packaged_tables()
    try:
        text = packaged[str(name)] if str(name) in packaged else Path(name).read_text(encoding="utf-8")
        return _table(yaml.safe_load(text))
    except OSError as error:
        raise ArchiveError(
            f"There is no table '{name}'. Use a file, or one of {', '.join(sorted(packaged))}."
        ) from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArchiveError(f"The table '{name}' is not valid: {error!r}. Compare it with the packaged ones.") from error


def table_for(url: str) -> str:
    """The name of the packaged table that belongs to an address."""
    packaged = packaged_tables()
    for name, text in packaged.items():
        if yaml.safe_load(text)["url"].rstrip("/") == url.rstrip("/"):
            return name
    raise ArchiveError(
        f"No table is known for {url}. Name one of {', '.join(sorted(packaged))}, or a file: {url}#NAME."
    )


def packaged_tables() -> dict[str, str]:
    """The YAML text of each table that comes with this package, by name."""
    folder = resources.files("pipeline.engine.archive.tables")
    found = (f for f in folder.iterdir() if f.name.endswith(".yaml"))
    return {f.name.removesuffix(".yaml"): f.read_text(encoding="utf-8") for f in found}


def item_times(properties: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The start, and the end where there is one, of an item, in ISO 8601."""
    start, end = properties.get("start_datetime"), properties.get("end_datetime")
    return start or properties.get("datetime"), end if start and end and _later(start, end) else None


def _later(start: str, end: str) -> bool:
    return datetime.fromisoformat(end.replace("Z", "+00:00")) > datetime.fromisoformat(start.replace("Z", "+00:00"))


def _table(found: dict[str, Any]) -> Table:
    collections = {name: _collection(name, rules) for name, rules in found["collections"].items()}
    return Table(found["url"], found.get("sign"), found.get("addresses", {}), collections)


def _collection(name: str, rules: dict[str, Any]) -> Collection:
    harmonise = rules.get("harmonise")
    return Collection(
        name,
        rules["collection"],
        rules.get("title", name),
        tuple(_band(b, {**rules.get("defaults", {}), **_long(r, "asset")}) for b, r in rules.get("bands", {}).items()),
        tuple(_property(p, **_long(r, "from")) for p, r in rules.get("properties", {}).items()),
        rules.get("where", {}),
        Harmonise(harmonise["baseline"], harmonise["from"], harmonise["offset"], harmonise.get("unless"))
        if harmonise
        else None,
        rules.get("mosaic", False),
        rules.get("refused"),
        _index(**rules["index"]) if "index" in rules else None,
    )


def _index(form: str, parts: dict[str, dict[str, str]], find: str, query: dict[str, str]) -> IndexRule:
    return IndexRule(form, {name: (part["from"], part["match"]) for name, part in parts.items()}, find, query)


def _long(rule: Any, name: str) -> dict[str, Any]:
    return {name: rule} if isinstance(rule, str) else dict(rule)


def _band(name: str, rule: dict[str, Any]) -> BandRule:
    return BandRule(name, **{**rule, "type": named_type(rule.get("type", "float"))})


def _property(name: str, **rule: Any) -> PropertyRule:
    change = rule.get("change")
    if change is not None and change not in CHANGES:
        raise ValueError(f"change: {change} (known: {', '.join(CHANGES)})")
    return PropertyRule(name, rule["from"], change)
