"""A finished run for tests of the report, without any training: stack, map, answers, assessment, selection, samples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from shapely.geometry import mapping

from pipeline import assess
from pipeline.accuracy.results import Accuracy, read_accuracy
from pipeline.artifacts.manifest import BandRecord, Manifest
from pipeline.config import Config
from pipeline.export import tiles
from pipeline.export.pixels import Part
from pipeline.region import Grid, outline
from pipeline.selection import (
    Cost,
    Curve,
    Estimate,
    Guarded,
    Quality,
    Scores,
    Selection,
    Settings,
    Stability,
)
from tests.assess import runs

NDArray = np.ndarray[Any, Any]

GRID = runs.GRID
NAME = "Pit <script>alert(1)</script> & Söhne $a$"
SUMMER = Part("summer", ("summer_red", "summer_green", "summer_blue", "summer_NDVI"))
COUNTS = Part("counts", ("summer_optical",), "uint16")
FEATURES = ("summer_NDVI", "summer_red", "spring_VV", "elevation", "<i>own</i>")


def config(run: Path, compare: Path | None = None, **assess_with: Any) -> Config:
    made = runs.config(run, **assess_with).model_dump()
    return Config.model_validate({**made, "name": NAME, "report": {"compare": compare}})


def stack(run: Path, year: int = 2021, grid: Grid = GRID) -> tuple[NDArray, NDArray]:
    """The bands and counts of a stack of one tile that is now in the run's folder; a corner is masked, unseen."""
    rng = np.random.default_rng(0)
    bands = rng.uniform(0.05, 0.4, (4, grid.height, grid.width)).astype(np.float32)
    bands[:, :10, :20] = np.nan
    counts = rng.integers(1, 9, (1, grid.height, grid.width)).astype(np.uint16)
    counts[:, :10, :20] = 0
    for data, part in ((bands, SUMMER), (counts, COUNTS)):
        (run / "stack" / part.name).mkdir(parents=True)
        tiles.write(run / "stack" / part.name / "tile_0_0.tif", data, part, grid)
    records = {p: tuple(BandRecord(b, "1", p.name, i) for i, b in enumerate(p.bands, 1)) for p in (SUMMER, COUNTS)}
    Manifest(
        grid=grid, tile=512, tiles=((0, 0),), bands=records[SUMMER], counts=records[COUNTS],
        region=mapping(outline((grid,))), year=year, seasons={"summer": (f"{year}-06-01", f"{year}-09-01")},
        options={"dem": "nasadem", "clouds": ["scl"]}, engine={"name": "local"},
        scenes={"summer_optical": 7, "summer_radar": 3}, fingerprint="f", software={"minecover": "0"},
        masked={"summer": 0.0167}, notes=("one scene was mended",),
    ).write(run / "stack")  # fmt: skip
    return bands, counts


def put_map(run: Path, codes: NDArray, grid: Grid = GRID, year: int = 2021) -> None:
    """A map by RF with its summary."""
    path = runs.put_map(run, codes, grid=grid)
    classes = [
        {"code": c, "name": n, "pixels": int((codes == c).sum()), "hectares": float((codes == c).sum()) / 100}
        for c, n in runs.NAMES.items()
    ]
    told = {"name": NAME, "year": year, "classes": classes, "no_data_share": 0.0, "pixels_in_region": codes.size}
    path.with_name("summary.json").write_text(json.dumps(told))


def bare(run: Path, year: int = 2021, seed: int = 1) -> Config:
    """A run that has a stack and a map, and nothing else."""
    stack(run, year)
    put_map(run, runs.mapped(runs.land(), seed=seed), year=year)
    return config(run)


def assessed(run: Path, year: int = 2021, seed: int = 1, points: int = 400) -> tuple[Config, Accuracy]:
    """A run with models, a map and its assessment from a simple random sample."""
    bare(run, year, seed)
    for name, right in (("RF", 0.9), ("SVM", 0.9), ("KNN", 0.6)):
        runs.model(run, name, runs.answers(right))
    made = config(run, reference=runs.simple(run / "own", runs.land(), points, seed))
    list(assess.run(made))
    return made, read_accuracy(run / "accuracy.json")


def selection() -> Selection:
    """A selection of three of five features; winter's kind of numbers, made up."""

    def quality(value: float, low: float, high: float) -> Quality:
        return Quality(*(Estimate(value, low, high),) * 3)

    scores = Scores((0.5, 0.4, 0.2, 0.3, 0.1), (0.01,) * 5)
    order = ("summer_NDVI", "<i>own</i>", "elevation", "spring_VV", "summer_red")
    curve = Curve((1, 3, 5), (0.7, 0.84, 0.85), (0.02, 0.02, 0.02), ((0.7,), (0.84,), (0.85,)), 5, 3)
    stable = Stability(0.4, 0.3, 0.5, 0.15, (("summer_NDVI", 1.0),))
    rules = ("Relief-F", "RF", "borda", "intersection", "union")
    return Selection(
        names=FEATURES, rows=100, settings=Settings(), guarded=Guarded((0, 1, 2, 3, 4), (), ()),
        scores={"Relief-F": scores, "RF": scores}, ranked={r: order for r in rules[:3]},
        curves={r: curve for r in rules[:3]}, chosen={r: order[:3] for r in rules},
        stability={r: stable for r in rules}, effects=(),
        costs=(
            Cost("sensor", "Sentinel-2", "without", 2, quality(0.6, 0.5, 0.7), quality(-0.2, -0.25, -0.15)),
            Cost("season", "spring", "without", 4, quality(0.84, 0.8, 0.88), quality(-0.004, -0.02, 0.01)),
        ),
        reference=quality(0.86, 0.82, 0.9),
    )  # fmt: skip


def whole(run: Path) -> tuple[Config, Accuracy]:
    """A run with everything but a comparison."""
    made, accuracy = assessed(run)
    told = {"fingerprint": "x", "neighbours": {}, **json.loads(selection().to_json())}
    (run / "selection.json").write_text(json.dumps(told), "utf-8")
    samples = {
        "samples": 300, "classes": {n: 100 for n in runs.NAMES.values()},
        "left_out_by_reason": {"outside the <u>stack</u>": 4}, "corrections": [], "partly_masked": 2,
        "split": {"audit": runs.SPLIT, "notes": []}, "made_from": {"file": "labels <img src=x>.csv"},
    }  # fmt: skip
    (run / "samples.json").write_text(json.dumps(samples), "utf-8")
    return made, accuracy


class Page(HTMLParser):
    """A page taken apart; whatever is not closed in order is an error."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self.style = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
            return
        self.words.append(data)
        if {"td", "th"} & set(self.open) and "svg" not in self.open:
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def row(self, first: str, number: int = 0) -> list[str]:
        """The cells of the row that begins so, without what stands in charts."""
        found = [[" ".join(c.split()) for c in row] for row in self.rows]
        return [row for row in found if row and row[0] == first][number]

    def having(self, attribute: str) -> list[str]:
        return [v or "" for _, attrs in self.tags for k, v in attrs.items() if k == attribute]
