"""Any GeoTIFF, by a small YAML file that says where it goes and what it means.

collection: COPERNICUS/S1_GRD
file: 'S1_(?P<day>\\d{8})_(?P<way>\\w+)\\.tif'
index: 'S1_{day}_{way}'
time: '{day}'
bands: [VV, VH]
properties: {instrumentMode: IW, orbitProperties_pass: '{way}'}
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from pipeline.engine.archive import ids, ingest
from pipeline.engine.archive.ingest import Meaning
from pipeline.engine.archive.products import numbers
from pipeline.engine.archive.products.model import Image, Options, PassedOver
from pipeline.engine.raster import shown
from pipeline.errors import ArchiveError


@dataclass(frozen=True)
class Rules:
    """What a mapping file says. Texts may hold {parts} of the file's name, as the regular expression `file` names them.

    Either `collection` and `index` (the file's name by default), or `asset` for an image of its own. `mosaic` makes the
    collection one image in tiles. A value is stored number x `scale` + `offset`. `nodata` may be `none`: all count.
    """

    collection: str = ""
    asset: str = ""
    file: str = ""
    index: str = ""
    time: str = ""
    end_time: str = ""
    bands: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    nodata: float | str | None = None
    scale: float = 1.0
    offset: float = 0.0
    units: str = ""
    pyramiding: str = "mean"
    mosaic: bool = False


def load(path: Path) -> Rules:
    """The rules in a YAML file; unknown keys and values of a wrong kind are refused."""
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ArchiveError(f"The mapping file '{path}' cannot be read: {error.strerror}. Check its path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ArchiveError(f"The mapping file '{path}' is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(found, dict):
        raise ArchiveError(f"The mapping file '{path}' is not a list of keys and values, such as `collection: MY/ID`.")
    known = {f.name: f for f in fields(Rules)}
    for key, value in found.items():
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known are {', '.join(known)}."
            raise ArchiveError(f"The mapping file '{path}' has an unknown key '{key}'. {hint}")
        _check_kind(path, key, value)
    rules = Rules(**{**found, "bands": tuple(found.get("bands") or ())})
    if bool(rules.collection) == bool(rules.asset):
        raise ArchiveError(f"The mapping file '{path}' must say either `collection` or `asset`.")
    return rules


def read(path: Path, options: Options) -> Image:
    """The file's image by the user's mapping file."""
    if options.mapping is None:
        raise ArchiveError(f"'{path}' needs a mapping file that says where it goes: --mapping FILE.")
    rules = load(options.mapping)
    parts = _parts(path, rules, options.mapping)
    said = rules.nodata if options.nodata is None else options.nodata
    meaning = Meaning(None if isinstance(said, str) else said, rules.scale, rules.offset, rules.pyramiding)
    [source] = ingest.sources([path], rules.bands or None, meaning, options.assume_crs)
    if said is None and not source.header.masked:
        numbers.refuse_untagged_fill(path, 1, "`nodata: 0` in the mapping file", "`nodata: none`")
    properties = {name: _filled(value, parts) for name, value in rules.properties.items()}
    properties |= {"units": rules.units} if rules.units else {}
    properties |= ingest.times(_text(rules.time, parts) or None, _text(rules.end_time, parts) or None)
    index = ids.component(_text(rules.index, parts) or path.stem)
    target = options.asset or rules.asset
    return Image(
        _text(target, parts) if target else f"{rules.collection}/{index}",
        tuple(source.bands),
        {**properties, **options.properties},
        (path,),
        lambda: [source.sha256, list(source.bands), vars(rules), options.nodata, source.header.crs],
        lambda work: iter([source]),
        mosaic=rules.mosaic,
        whole=bool(target),
    )


def _parts(path: Path, rules: Rules, mapping: Path) -> dict[str, str]:
    if not rules.file:
        return {}
    try:
        found = re.fullmatch(rules.file, path.name)
    except re.error as error:
        raise ArchiveError(f"`file` in '{mapping}' is not a regular expression: {error}.") from error
    if found is None:
        raise PassedOver(f"The name of {shown(path)} does not match `file` in '{mapping}': {rules.file}")
    return {name: value or "" for name, value in found.groupdict().items()}


def _text(template: str, parts: dict[str, str]) -> str:
    try:
        return template.format(**parts)
    except (KeyError, IndexError, ValueError) as error:
        named = ", ".join(parts) or "nothing"
        raise ArchiveError(
            f"'{template}' in the mapping file asks for {error}, but `file` names {named}. Write (?P<name>…) there."
        ) from error


def _filled(value: Any, parts: dict[str, str]) -> Any:
    """A property's value; text with parts of the file's name is a number where it reads as one."""
    if not isinstance(value, str) or "{" not in value:
        return value
    text = _text(value, parts)
    with suppress(ValueError):
        return json.loads(text)
    return text


def _check_kind(path: Path, key: str, value: Any) -> None:
    kinds: dict[str, tuple[type, ...]] = {
        "bands": (list,), "properties": (dict,), "nodata": (int, float), "scale": (int, float), "offset": (int, float),
        "mosaic": (bool,),
    }  # fmt: skip
    wanted = kinds.get(key, (str,))
    if key == "nodata" and value == "none":
        return
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        names = {list: "a list", dict: "keys and values", int: "a number", bool: "true or false", str: "text"}
        raise ArchiveError(
            f"'{key}' in the mapping file '{path}' must be {names[wanted[0]]}, not {value!r}. Quote texts."
        )
