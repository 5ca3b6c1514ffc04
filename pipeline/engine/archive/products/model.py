"""What all products have in common: what was asked for, what an image is to be made from, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pipeline.engine.archive import cog, ids, ingest
from pipeline.engine.archive.ingest import Meaning, Source
from pipeline.errors import ArchiveError

Status = Literal["added", "replaced", "unchanged", "skipped", "passed over", "refused"]


class PassedOver(ArchiveError):
    """A file that is not meant: a mapping file says so by the name."""


@dataclass(frozen=True)
class Options:
    """What the user said besides the paths. None or empty: as the product says itself.

    `linear` says that Sentinel-1 numbers are power, False that they are decibels; `nodata` is a stored number.
    """

    kind: str = ""
    mapping: Path | None = None
    asset: str = ""
    linear: bool | None = None
    nodata: float | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    assume_crs: str | None = None
    all_bands: bool = False
    overwrite: bool = False


@dataclass(frozen=True, eq=False)
class Given:
    """A file as the user named it; its checksum is made at most once."""

    path: Path

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of its bytes."""
        return cog.sha256(self.path)


@dataclass(frozen=True, eq=False)
class Image:
    """One image on its way in: where it goes, and what it is made from.

    `identity` says all that its pixels depend on, without reading more than it must. `sources` makes the files ready,
    one after the other, in a folder of its own; each may go once the next is asked for. `rank` names the properties
    that order the versions of one acquisition, which `same` recognises by their `system:index`. Parts of an image are
    put together in `order`.
    """

    asset: str
    bands: tuple[str, ...]
    properties: dict[str, Any]
    paths: tuple[Path, ...]
    identity: Callable[[], list[Any]]
    sources: Callable[[Path], Iterator[Source]]
    files: int = 1
    mosaic: bool = False
    whole: bool = False
    rank: tuple[str, ...] = ()
    same: Callable[[str], bool] | None = None
    note: str = ""
    order: int = 0

    @property
    def collection(self) -> str:
        """The collection it belongs to; empty for an image of its own."""
        return "" if self.whole else ids.split(self.asset)[0]

    def joined(self, other: Image) -> Image:
        """One image with the bands of both."""
        first, second = sorted((self, other), key=lambda image: (image.order, image.bands))
        doubled = set(first.bands) & set(second.bands)
        if doubled:
            raise ArchiveError(
                f"'{other.paths[0]}' and '{self.paths[0]}' both hold band {min(doubled)} of '{self.asset}'. Leave one "
                f"out."
            )

        def sources(work: Path) -> Iterator[Source]:
            yield from first.sources(work)
            yield from second.sources(work)

        return replace(
            first,
            bands=first.bands + second.bands,
            properties=_both(first.properties, second.properties),
            paths=first.paths + second.paths,
            identity=lambda: [*first.identity(), *second.identity()],
            sources=sources,
            files=first.files + second.files,
        )


@dataclass(frozen=True)
class Outcome:
    """What became of an image, or of a path that gave none."""

    status: Status
    what: str
    detail: str = ""

    @property
    def line(self) -> str:
        """It as a line of text."""
        return f"{self.status:9}  {self.what}{': ' if self.detail else ''}{self.detail}"


def plain_image(
    path: Path,
    asset: str,
    bands: Mapping[str, int],
    properties: Mapping[str, Any],
    options: Options,
    meanings: Sequence[Meaning] = (),
    **more: Any,
) -> Image:
    """An image made from bands of one GeoTIFF by number, each with a meaning of its own or all with one."""
    given = Given(path)
    meant = list(meanings) or [Meaning()]
    shared = len(meant) == 1

    def sources(work: Path) -> Iterator[Source]:
        header = cog.header(path, options.assume_crs)
        parts = [dict(bands)] if shared else [{name: index} for name, index in bands.items()]
        for part, meaning in zip(parts, meant, strict=True):
            yield Source(header, part, given.sha256, meaning)

    def identity() -> list[Any]:
        return [given.sha256, list(bands.items()), [described(m) for m in meant], options.assume_crs]

    made = {**properties, **options.properties}
    return Image(asset, tuple(bands), made, (path,), identity, sources, len(meant), **more)


def described(meaning: Meaning) -> list[str]:
    """A meaning in full, for the fingerprint of an image."""
    change = meaning.change
    plain = [str(v) for v in (meaning.nodata, meaning.scale, meaning.offset, meaning.pyramiding)]
    return [*plain, f"{change.name} {change.dtype} {change.nodata}" if change else ""]


def moments(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties with times that were given as text in milliseconds."""
    return {
        k: ingest.millis(v) if k.startswith("system:time") and isinstance(v, str) else v for k, v in properties.items()
    }


def _both(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of two parts of an image; their lists are put together."""
    lists = {k: list(dict.fromkeys([*v, *second[k]])) for k, v in first.items() if isinstance(v, list) and k in second}
    return {**first, **second, **lists}
