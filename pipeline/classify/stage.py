"""The stage: what it reads and refuses, the plan, and what it tells."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import shapely.geometry
import xarray as xr

from pipeline.artifacts.ledger import Ledger, changes, making, nearest, refuse_busy
from pipeline.artifacts.manifest import BandRecord, Manifest
from pipeline.artifacts.manifest import read_manifest as read_stack
from pipeline.artifacts.models import MODELS, ModelManifest, read_files
from pipeline.artifacts.models import read_manifest as read_model
from pipeline.artifacts.stack import STACK, open_stack
from pipeline.classify import match, products
from pipeline.classify.layout import Layout, cell_side
from pipeline.classify.mapping import TILES, Job, block_bytes, in_use, piece
from pipeline.classify.mosaic import Tiles
from pipeline.classify.reading import READERS, Source, coarse, wanted
from pipeline.config import Config, Legend
from pipeline.console import duration, human, progress, some
from pipeline.durable import make_folders, reported
from pipeline.engine.raster import harden_process
from pipeline.errors import MinecoverError
from pipeline.models import NAMES, restored
from pipeline.region import TILE, Region, Tile, placed

MAPS = "maps"
SAMPLED = 16
"""Tiles of the stack whose values are compared with the training values."""
FIRST = 5
"""Cells after which the time that is left is told."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants mapped. `model` and `output` are taken from the settings where they are None.

    `side` is that of the tiles in which the work is finished, and `workers` are threads that read; neither changes the
    map.
    """

    config: Config
    model: str | None = None
    output: Path | None = None
    accept_values: bool = False
    workers: int = READERS
    side: int = TILE

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model or self.config.classify.model

    @property
    def folder(self) -> Path:
        """Where the map will lie."""
        return self.output or self.config.output / MAPS / self.name


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the map is made from; all of it fits together."""

    stack: Manifest
    model: ModelManifest
    bands: tuple[BandRecord, ...]
    legend: Legend
    shape: Any
    parameters: dict[str, Any]


def run(wish: Wish) -> Iterator[str]:
    """Lines for the user as the work goes on; afterwards the map and what belongs to it are in `wish.folder`.

    Run again after an interruption it goes on where it was; run again after the end it changes nothing. A map of an
    older model or stack makes way in the run's own folder; a folder that was named is not touched.
    """
    harden_process()
    inputs = _inputs(wish)
    refuse_busy(wish.folder)
    if own := wish.output is None and bool(changes(wish.folder, inputs.parameters)):
        yield f"'{wish.folder}' is from another model or stack, and is made anew."
    with making(wish.folder, inputs.parameters, own) as ledger:
        for entry in ledger.drop_unsound():
            if (wish.folder / entry.file).exists():
                yield f"{entry.file} is damaged and is made again."
        yield from _lines(wish, inputs, ledger)


def _lines(wish: Wish, inputs: Inputs, ledger: Ledger) -> Iterator[str]:
    grid, began = inputs.stack.grid, time.monotonic()
    tiles = wanted(grid, wish.side, inputs.stack.tiles, inputs.stack.tile)
    if not products.missing(_result(wish, inputs, tiles, ledger), ledger):
        yield f"unchanged: '{wish.folder}' is from this stack, this model and these settings"
        return
    left = [t for t in tiles if f"{TILES}/{t.name}" not in ledger.finished]
    yield f"Grid      {grid.crs}, {grid.width} × {grid.height} pixels of {grid.pixel:g} m in {len(tiles)} tiles"
    if left:
        yield from _map(wish, inputs, tiles, left, ledger)
    result = _result(wish, inputs, tiles, ledger)
    for _ in progress(products.make(result, ledger), "Writing", len(result.wanted)):
        pass
    yield from _told(wish, result, time.monotonic() - began)


def _inputs(wish: Wish) -> Inputs:
    """What the map is made from, checked. Only what can be told from manifests is read."""
    if wish.name not in NAMES:
        raise MinecoverError(f"There is no model {wish.name!r}. There are {', '.join(NAMES)}.")
    window = wish.config.classify.majority_px
    if window > 1 and window % 2 == 0:
        raise MinecoverError(f"classify.majority_px is {window}: the window has no middle. Use {window + 1}.")
    run_folder = wish.config.output
    stack = read_stack(run_folder / STACK)
    model = read_model(run_folder / MODELS / wish.name)
    parameters = {
        "stack": {"fingerprint": stack.fingerprint, "grid": asdict(stack.grid)},
        "model": {"name": model.name, "fingerprint": model.fingerprint, "files": model.files},
        "min_valid": wish.config.classify.min_valid,
        "tile": wish.side,
        "minecover": version("minecover"),
    }
    legend = match.legend(model, wish.config.legend)
    return Inputs(stack, model, match.records(stack, model), legend, _shape(stack), parameters)


def _shape(stack: Manifest) -> Any:
    """The region on the grid, or None where the stack declares none."""
    geometry = shapely.geometry.shape(stack.region)
    return None if geometry.is_empty else placed(Region("region", geometry, 0.0), stack.grid.crs)


def _map(wish: Wish, inputs: Inputs, tiles: Sequence[Tile], left: Sequence[Tile], ledger: Ledger) -> Iterator[str]:
    """Lines about the long part: the plan, the checks that need pixels, and how long it takes."""
    _refuse_full_disk(wish, inputs, left)
    bands = open_stack(wish.config.output).sel(band=[b.name for b in inputs.model.bands])
    yield from _fits(wish, inputs, bands)
    job = _job(wish, inputs, bands)
    layout, count = job.layout, sum(job.layout.count(t) for t in left)
    done = len(tiles) - len(left)
    pixels = sum(t.width * t.height for t in left)
    yield (
        f"Map       {pixels:,} pixels in {count} cells of {layout.cell} × {layout.cell}, halo {layout.halo}"
        + (f"; {done} tiles are done already" if done else "")
    )
    if unknown := [c.name for c in inputs.legend if c.code not in inputs.model.legend.codes]:
        yield f"Note      {inputs.model.name} learnt no {some(unknown)}, which had no samples: the map will not have it"
    yield f"Memory    {_memory(wish, job)}"
    yield "Time      told once the first cells are done"
    with reported(wish.folder):
        make_folders(wish.folder / TILES, wish.folder)
    began = time.monotonic()
    for number, _ in enumerate(progress(job.mapped(left, ledger), "Mapping", count), 1):
        if number == 1:
            began = time.monotonic()  # before that, one had to wait for the first pixels
        if number == min(FIRST, count - 1) > 1:
            rest = (time.monotonic() - began) / (number - 1) * (count - number)
            yield f"{number} cells are done; the other {count - number} take about {duration(rest)}."


def _fits(wish: Wish, inputs: Inputs, bands: xr.DataArray) -> Iterator[str]:
    """Lines about values that are not as in training; refuses them unless they are accepted."""
    stack = inputs.stack
    values = coarse(bands, stack.grid, stack.tiles, stack.tile, SAMPLED)
    values[~np.isfinite(values)] = np.nan
    wrong = match.misfits(values, inputs.bands, inputs.model)
    if not wish.accept_values:
        match.refuse(wrong, inputs.model)
    for misfit in wrong:
        yield f"Accepted  {misfit}"


def _job(wish: Wish, inputs: Inputs, bands: xr.DataArray) -> Job:
    model = restored(inputs.model.spec, read_files(wish.config.output / MODELS / wish.name, inputs.model))
    settings = wish.config.classify
    layout = Layout(inputs.stack.grid, cell_side(model.halo), model.halo, wish.side)
    source = Source(bands, layout, inputs.shape, settings.min_valid)
    job = Job(model, inputs.model.legend.codes, source, layout, wish.folder, 1, 1, wish.workers)
    job.warm()
    rows, columns = piece(layout, len(inputs.bands), settings.memory_gb * 1e9 - in_use(), wish.workers)
    return Job(model, inputs.model.legend.codes, source, layout, wish.folder, rows, columns, wish.workers)


def _memory(wish: Wish, job: Job) -> str:
    bands = job.source.bands.sizes["band"]
    need = in_use() + block_bytes(job.layout, bands, job.rows, job.columns, job.workers)
    told = f"about {human(need)}, of which the model and Python hold {human(in_use())}"
    limit = wish.config.classify.memory_gb
    return told + (f"; less than that is not possible, though classify.memory_gb is {limit:g}" * (need > limit * 1e9))


def _refuse_full_disk(wish: Wish, inputs: Inputs, left: Sequence[Tile]) -> None:
    """Refuse to begin what the disk could not hold if nothing of it could be compressed."""
    pixels, layers = sum(t.width * t.height for t in left), len(inputs.model.legend) + 3
    need, there = int(pixels * layers * 3.4), shutil.disk_usage(nearest(wish.folder)).free
    if need > there:
        raise MinecoverError(
            f"'{wish.folder}' may need {human(need)}, and its disk has {human(there)} free. Make room, or choose "
            f"another --output."
        )


def _result(wish: Wish, inputs: Inputs, tiles: Sequence[Tile], ledger: Ledger) -> products.Result:
    place = Tiles(wish.folder / TILES, inputs.stack.grid, tuple(tiles), wish.side)
    finished = ledger.finished
    facts = tuple(finished[u].facts for t in tiles if (u := f"{TILES}/{t.name}") in finished)
    config = wish.config
    return products.Result(
        place, inputs.shape, inputs.legend, inputs.model, config.classify, config.name, config.year,
        inputs.parameters, facts,
    )  # fmt: skip


def _told(wish: Wish, result: products.Result, seconds: float) -> Iterator[str]:
    """What there is now."""
    areas = products.hectares(result, products.counted(wish.folder / products.MAP))
    whole = sum(areas.values()) or 1.0
    yield "Counts of the map's pixels (no estimates of areas; `minecover assess` makes those):"
    rows = [*((c.name, areas[c.code]) for c in result.legend), ("no data in the region", areas[0])]
    for name, area in rows:
        yield f"  {name:<24} {area:>14,.1f} ha {100 * area / whole:>6.1f} %"
    yield f"Written: {', '.join(result.wanted)} in '{wish.folder}' in {duration(seconds)}"
