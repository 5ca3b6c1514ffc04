"""Real products on their way into an archive: what a path is, which image it gives, and what becomes of it.

A product is recognised by its content or name, or by what the user calls it (`KINDS`). One bad product does not stop
the others; each image appears whole or not at all; the same again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import durable
from pipeline.engine.archive import cog, ids, ingest
from pipeline.engine.archive.folder import FolderArchive, Staged
from pipeline.engine.archive.model import Item
from pipeline.engine.archive.products import cloudscore, doubts, elevation, lights, mapped, sentinel1, sentinel2
from pipeline.engine.archive.products.model import Image, Options, Outcome, PassedOver, Status, moments
from pipeline.errors import ArchiveError, MinecoverError

__all__ = ["KINDS", "Options", "Outcome", "Plan", "bring_in", "plan", "recognise", "summary"]

HOUR_MS = 3_600_000
ENDINGS = (".safe", ".zip", ".tif", ".tiff", ".gz", ".hgt")


@dataclass(frozen=True)
class Kind:
    """A kind of product: how a path is recognised as one, and how its image is described."""

    recognises: Callable[[Path], bool]
    read: Callable[[Path, Options], Image]


KINDS = {
    "sentinel2": Kind(sentinel2.recognises, sentinel2.read),
    "cloudscore": Kind(cloudscore.recognises, cloudscore.read),
    "sentinel1": Kind(sentinel1.recognises, sentinel1.read),
    "nasadem": Kind(elevation.is_nasadem, elevation.read_nasadem),
    "glo30": Kind(elevation.is_glo30, elevation.read_glo30),
    "viirs": Kind(lights.is_viirs, lights.read_viirs),
    "luojia": Kind(lights.is_luojia, lights.read_luojia),
    "mapped": Kind(lambda path: False, mapped.read),
}


@dataclass(frozen=True)
class Plan:
    """What is to be done, the newest version of an acquisition first, and what cannot be done or is not meant."""

    images: tuple[Image, ...]
    left: tuple[Outcome, ...]
    options: Options

    @property
    def steps(self) -> int:
        """How often `bring_in` gives something."""
        return len(self.left) + sum(image.files + 1 for image in self.images)


def recognise(path: Path, options: Options) -> Kind:
    """What the path is: what the user calls it, else what it calls itself."""
    named = options.kind or ("mapped" if options.mapping else "")
    if named and named not in KINDS:
        raise ArchiveError(f"--as {named} is not known. Use one of {', '.join(KINDS)}.")
    if not path.exists():
        raise ArchiveError(f"'{path}' is not there. Check the path.")
    found = KINDS.get(named) or next((kind for kind in KINDS.values() if kind.recognises(path)), None)
    if found is None:
        raise ArchiveError(
            f"'{path}' is not recognised by name or content. Say what it is with --as ({', '.join(KINDS)}), or "
            f"describe it in a mapping file: --mapping FILE."
        )
    return found


def plan(paths: Sequence[Path], options: Options | None = None) -> Plan:
    """What the paths give, by their headers and metadata alone; a plain folder stands for the products in it."""
    given = options or Options()
    given = replace(given, properties=moments(given.properties))
    if given.mapping:
        mapped.load(given.mapping)  # a mistake in it is no fault of the files
    images: dict[str, Image] = {}
    left = []
    for path in dict.fromkeys(inner for outer in paths for inner in _inside(outer)):
        try:
            image = recognise(path, given).read(path, given)
            image = replace(image, asset=ids.canonical(image.asset))
            known = images.get(image.asset)
            key = f"{image.asset} {path}" if known is not None and image.rank else image.asset
            images[key] = image if known is None or image.rank else known.joined(image)
        except MinecoverError as error:
            left.append(Outcome("passed over" if isinstance(error, PassedOver) else "refused", str(path), str(error)))
    newest_first = sorted(images.values(), key=lambda image: _version(image, image.properties), reverse=True)
    return Plan(tuple(newest_first), tuple(left), given)


def bring_in(archive: FolderArchive | str | Path, planned: Plan) -> Iterator[Outcome | None]:
    """What became of each path and image, as it happens; None for each file that is done on the way."""
    folder = ingest.opened(archive)
    yield from planned.left
    for image in planned.images:
        try:
            yield from _bring_in(folder, image, planned.options.overwrite)
        except MinecoverError as error:
            yield Outcome("refused", ", ".join(map(str, image.paths)), str(error))


def summary(outcomes: Sequence[Outcome]) -> str:
    """How many of each outcome there are, as a line of text."""
    counts = {status: sum(o.status == status for o in outcomes) for status in dict.fromkeys(o.status for o in outcomes)}
    return f"{', '.join(f'{count} {status}' for status, count in counts.items()) or 'Nothing to ingest'}."


def _inside(path: Path) -> list[Path]:
    """The path itself, or the products in a folder that is none."""
    if not path.is_dir() or sentinel2.recognises(path) or path.suffix.lower() == ".safe":
        return [path]
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in ENDINGS)
    return found or [path]


def _bring_in(folder: FolderArchive, image: Image, overwrite: bool) -> Iterator[Outcome | None]:
    recipe = ingest.fingerprint([image.asset, image.identity(), sorted(image.properties.items())])
    rivals = _rivals(folder, image)
    newer = [r for r in rivals if _version(image, r.properties) > _version(image, image.properties)]
    if newer:
        said = " ".join(str(newer[0].properties[name]) for name in image.rank[:1])
        yield Outcome("skipped", image.paths[0].name, f"{newer[0].id} is of a newer version ({said})")
        return
    older = [r for r in rivals if _version(image, r.properties) < _version(image, image.properties)]
    overwrite = overwrite or any(r.id == image.asset for r in older)
    known = folder.find_document(image.asset) is not None
    same = ingest.unchanged(folder, image.asset, recipe, overwrite)
    if same is None:
        yield from _write(folder, image, recipe, overwrite)
    for rival in older:
        if rival.id != image.asset:
            folder.delete(rival.id)
    stored = folder.describe(image.asset)
    doubt = doubts.offset_left(stored) if isinstance(stored, Item) else ""
    if older:
        said = ", ".join(f"{r.id.rpartition('/')[2]} of {r.properties.get(image.rank[0])}" for r in older)
        yield Outcome("replaced", image.asset, "; ".join(filter(None, (f"{image.note}, instead of {said}", doubt))))
    else:
        status: Status = "unchanged" if same is not None else "replaced" if known else "added"
        yield Outcome(status, image.asset, "; ".join(filter(None, (image.note, doubt))))


def _write(folder: FolderArchive, image: Image, recipe: str, overwrite: bool) -> Iterator[None]:
    """The image, file by file into a folder of the archive's own, then at once into its place."""
    staged: list[Staged] = []
    outline = None
    with durable.staging(folder.root) as work:
        for number, source in enumerate(image.sources(work)):
            ingest.check_space(folder, [source])
            staged.append(ingest.stage(source, work, str(number)))
            outline = outline or cog.footprint(source.header)
            yield None
        if image.collection:
            ingest.make_collection(folder, image.collection, image.mosaic)
        folder.commit(image.asset, staged, image.properties, outline, overwrite, recipe)


def _rivals(folder: FolderArchive, image: Image) -> list[Item]:
    """Stored images of the same acquisition."""
    if image.same is None or folder.describe(image.collection) is None:
        return []
    moment = int(image.properties["system:time_start"])
    found = folder.search(image.collection, start_ms=moment - HOUR_MS, end_ms=moment + HOUR_MS)
    return [item for item in found if image.same(item.index)]


def _version(image: Image, properties: dict[str, object]) -> tuple[tuple[bool, object], ...]:
    """What orders versions; one that does not say counts as the oldest."""
    return tuple((name in properties, properties.get(name)) for name in image.rank)
