"""The report: it says what accuracy.json and the others say, stands alone, and leaves out what is not there."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import cli
from pipeline.accuracy.results import Estimated, Figure, Overall, Pair, read_accuracy
from pipeline.assess.wording import rivals
from pipeline.compare.results import FILE, compared
from pipeline.config import Config
from pipeline.errors import MinecoverError
from pipeline.region import Grid
from pipeline.report import run
from pipeline.report.change import change, difference
from pipeline.report.findings import caveats, findings, verdicts
from pipeline.report.maps import NOTHING, composite, seen, share
from pipeline.report.sources import read_run, simulated
from pipeline.report.words import axis, hectares, hectares_with, listed, p_value, quoted
from tests.assess import runs
from tests.report import finished

ALLOWED = frozenset(
    (
        *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "figure", "figcaption"),
        *("p", "h1", "h2", "h3", "b", "i", "br", "small", "code", "ul", "li", "div", "span", "bdi", "img"),
        *("table", "caption", "thead", "tbody", "tr", "th", "td"),
        *("svg", "g", "line", "rect", "circle", "path", "polygon", "polyline", "text"),
    )
)
EXAMPLE = """
name: "{name}"
region: r
year: 2021
output: run
legend: {legend}
labels: {{file: none}}
classify: {{model: RF}}
"""


def said(config: Config) -> str:
    return "\n".join(run(config))


def page(config: Config) -> finished.Page:
    said(config)
    return finished.Page((config.output / "report.html").read_text("utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[finished.Page, Config]:
    config, _ = finished.whole(tmp_path_factory.mktemp("whole"))
    return page(config), config


def brackets(value: float, low: float, high: float, form: str) -> str:
    return f"{value:{form}} ({low:{form}} … {high:{form}})"


def percent(found: Figure | Estimated) -> str:
    assert found.value is not None and found.low is not None and found.high is not None
    return brackets(100 * found.value, 100 * found.low, 100 * found.high, ".1f")


def test_areas_are_those_of_accuracy_json(whole: tuple[finished.Page, Config]) -> None:
    found, config = whole
    told = json.loads((config.output / "accuracy.json").read_text("utf-8"))["map"]
    counted = json.loads((config.output / "maps" / "RF" / "summary.json").read_text("utf-8"))["classes"]
    for k, c in zip(told["classes"], counted, strict=True):
        ha, area = k["hectares"], k["area"]
        form = ".1f" if max(ha["high"], ha["value"]) < 100 else ".0f"
        _, _, estimated, shares, pixels = found.row(k["name"])
        assert estimated == brackets(ha["value"], ha["low"], ha["high"], form)
        assert shares == brackets(100 * area["value"], 100 * area["low"], 100 * area["high"], ".1f")
        assert pixels == f"{c['hectares']:.{1 if c['hectares'] < 100 else 0}f}"
        assert f"{ha['value']:.{1 if ha['value'] < 100 else 0}f} ha" in found.text
    assert (
        f"({brackets(*(100 * told['oa'][n] for n in ('value', 'low', 'high')), '.1f')} %, from 400 points" in found.text
    )


def test_accuracies_are_those_of_accuracy_json(whole: tuple[finished.Page, Config]) -> None:
    found, config = whole
    told = read_accuracy(config.output / "accuracy.json")
    assert told.map
    for k in told.map.classes:
        assert found.row(k.name, 1)[2::2] == [percent(k.pa), percent(k.ua)]
    model = next(m for m in told.models if m.name == "RF")
    for k, counts in zip(model.classes, model.matrix, strict=True):
        assert found.row(k.name, 2) == [k.name, *(str(n) if n else "·" for n in counts), str(k.reference)]
        assert found.row(k.name, 3)[2:] == [percent(f) for f in (k.pa, k.ua, k.f1, k.iou)]
    assert f"{percent(model.overall.oa)} % of {model.samples} samples in {model.blocks} blocks" in found.text
    assert f"Split: {model.split}" in found.text
    for m in told.models:
        row = next(r for r in found.rows if r and r[0].startswith(f"{m.name} ("))
        kappa = m.overall.kappa
        assert row[2] == percent(m.overall.oa)
        assert row[3] == brackets(kappa.value or 0, kappa.low or 0, kappa.high or 0, ".3f")


def test_features_data_and_labels_are_told(whole: tuple[finished.Page, Config]) -> None:
    found, _ = whole
    assert "3 of 5 features are used" in found.text and "84.0 % (standard error 2.0)" in found.text
    assert found.row("Sentinel-2")[2:] == ["−20.0 (−25.0 … −15.0)", "needed"]
    assert found.row("spring")[2:] == ["−0.4 (−2.0 … +1.0)", "no loss can be shown"]
    assert found.row("1")[1] == "NDVI (greenness), summer" and found.row("2")[1] == "<i>own</i>"
    assert found.row("summer")[1:] == ["2021-06-01", "2021-09-01", "7", "3", "4", "1.7", "1.7"]
    assert "4 outside the <u>stack</u>" in found.text and "2 samples lack a value" in found.text
    assert "February 2000" in found.text and "One scene was mended." in found.text


def test_the_page_stands_alone(whole: tuple[finished.Page, Config]) -> None:
    found, config = whole
    text = (config.output / "report.html").read_text("utf-8")
    assert {tag for tag, _ in found.tags} <= ALLOWED
    assert not found.having("href") and not found.having("style") and not found.having("srcset")
    assert not [k for _, attrs in found.tags for k in attrs if k.startswith("on")]
    assert not re.search(r"https?:|//[a-z]|url\(|@import", re.sub(r"data:image/png;base64,[\w+/=]+", "", text))
    assert all(src.startswith("data:image/png;base64,") for src in found.having("src"))
    policy = next(a["content"] for t, a in found.tags if t == "meta" and a.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    assert policy and policy.startswith("default-src 'none'") and f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy and "font-src" not in policy
    ids = found.having("id")
    assert len(ids) == len(set(ids))


def test_pictures_are_there(whole: tuple[finished.Page, Config]) -> None:
    found, _ = whole
    images = [Image.open(io.BytesIO(base64.b64decode(s.split(",")[1]))) for s in found.having("src")]
    assert len(images) == 1 + len(runs.NAMES)
    assert images[0].width > 900
    assert all(i.size == (120, 100) for i in images[1:])
    assert all(found.having("alt"))
    assert sum(t == "svg" for t, _ in found.tags) > 30


def test_names_stay_text(whole: tuple[finished.Page, Config]) -> None:
    found, config = whole
    text = (config.output / "report.html").read_text("utf-8")
    assert "<script" not in text and "<i>own" not in text and "<b>mine" not in text and "<img src=x" not in text
    assert finished.NAME in found.text and "<b>mine</b> $x$" in found.text and "=HYPERLINK(1)" in found.text
    assert str(config.output) not in text, "no path of this machine"


def test_only_what_is_there_is_told(tmp_path: Path) -> None:
    config = finished.bare(tmp_path)
    lines = said(config)
    for command in ("assess", "select", "sample", "compare"):
        assert f"`minecover {command} CONFIG`" in lines
    found = page(config)
    for command in ("assess", "select", "sample"):
        assert f"minecover {command} CONFIG" in found.text
    assert "counts of the map's pixels" in found.text and "interval" not in found.row("Class")
    codes = runs.mapped(runs.land())
    for code, name in runs.NAMES.items():
        ha = float((codes == code).sum()) / 100
        assert found.row(name)[2:] == [f"{ha:.1f}" if ha < 100 else f"{ha:.0f}", f"{ha / codes.size * 1e4:.1f}"]


def test_without_stack_or_map_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(MinecoverError, match="minecover export"):
        said(finished.config(tmp_path))
    finished.stack(tmp_path)
    with pytest.raises(MinecoverError, match=r"no map by RF. `minecover classify CONFIG` makes it"):
        said(finished.config(tmp_path))
    runs.put_map(tmp_path, runs.land())
    with pytest.raises(MinecoverError, match="not finished"):
        said(finished.config(tmp_path))
    finished.put_map(tmp_path, runs.land())
    other = [{**c, "name": f"other {c['code']}"} for c in runs.LEGEND]
    with pytest.raises(MinecoverError, match="another legend"):
        said(runs.config(tmp_path, other))
    assert not (tmp_path / "report.html").exists()


def test_nothing_is_done_twice_and_the_bytes_are_the_same(tmp_path: Path) -> None:
    config = finished.bare(tmp_path)
    assert "Unchanged" not in said(config)
    first, path = (tmp_path / "report.html").read_bytes(), tmp_path / "report.html"
    assert "Unchanged" in said(config)
    path.unlink()
    assert "Unchanged" not in said(config) and path.read_bytes() == first
    path.write_bytes(first[:100])
    assert "Unchanged" not in said(config) and path.read_bytes() == first
    runs.model(tmp_path, "RF", runs.answers(0.9))
    assert "Unchanged" not in said(config) and path.read_bytes() != first
    assert "Unchanged" not in said(Config.model_validate({**config.model_dump(), "name": "Other"}))


def test_an_assessment_of_another_map_gives_no_areas(tmp_path: Path) -> None:
    config, told = finished.assessed(tmp_path)
    finished.put_map(tmp_path, runs.mapped(runs.land(), seed=9))
    found = page(config)
    assert told.map and percent(told.map.oa) not in found.text
    assert "was used on another map" in found.text and "counts of the map's pixels" in found.text


def test_the_comparison_is_shown_if_there_is_one(tmp_path: Path) -> None:
    config = finished.bare(tmp_path)
    [good] = runs.answers(0.9)
    poor = replace(good, predicted=np.where(np.arange(300) % 3 == 0, 1, good.predicted))
    answers = {("RF", "all"): (9, (good,)), ("RF", "combined"): (4, (poor,))}
    made = compared(answers, "combined", "blocks of 500 m", runs.NAMES, 2000, 0)
    (tmp_path / FILE).write_text(made.model_dump_json())
    row = page(config).row("RF (random forest)")
    assert row[1] == percent(made.entries[0].accuracy.overall.oa)
    assert row[2].startswith(percent(made.entries[1].accuracy.overall.oa))
    gain = made.gains[0].difference.oa
    assert gain.value and gain.value < 0
    assert row[2].endswith(brackets(100 * gain.value, 100 * gain.low, 100 * gain.high, "+.1f").replace("-", "−"))


def test_a_change_is_told_in_the_order_of_years(tmp_path: Path) -> None:
    config, later = finished.assessed(tmp_path / "now", 2021, 1)
    _, earlier = finished.assessed(tmp_path / "before", 2019, 5)
    told = change(read_run(tmp_path / "now", "RF"), tmp_path / "before")
    back = change(read_run(tmp_path / "before", "RF"), tmp_path / "now")
    assert (told.before, told.now) == (back.before, back.now) == (2019, 2021) and told.lines == back.lines
    assert later.map and earlier.map
    for line, a, b in zip(told.lines, earlier.map.classes, later.map.classes, strict=True):
        assert line.difference and line.difference.value == pytest.approx(
            (b.hectares.value or 0) - (a.hectares.value or 0)
        )
        assert line.difference.se == pytest.approx(math.hypot(a.hectares.se or 0, b.hectares.se or 0))
    old, new = (runs.mapped(runs.land(), seed=s) for s in (5, 1))
    expected = [[int(((old == a) & (new == b)).sum()) for b in runs.CODES] for a in runs.CODES]
    assert told.crossed == tuple(map(tuple, expected))
    found = page(Config.model_validate({**config.model_dump(), "report": {"compare": tmp_path / "before"}}))
    assert "What changed from 2019 to 2021" in found.text
    assert found.row(runs.NAMES[1], 1)[-1] == hectares_with(told.lines[0].difference, True)
    assert found.row(runs.NAMES[1], 2)[1:] == [f"{n:,}" for n in expected[0]]


def test_a_change_without_estimates_is_counted(tmp_path: Path) -> None:
    config = finished.bare(tmp_path / "now", 2021, 1)
    finished.bare(tmp_path / "before", 2019, 5)
    found = page(Config.model_validate({**config.model_dump(), "report": {"compare": tmp_path / "before"}}))
    counts = [float((runs.mapped(runs.land(), seed=s) == 1).sum()) / 100 for s in (5, 1)]
    row = found.row(runs.NAMES[1], 1)
    assert row[1:3] == [hectares(c) for c in counts] and row[3] == hectares(counts[1] - counts[0], signed=True)
    assert "no estimate is there" in found.text
    with pytest.raises(MinecoverError, match="names the run itself"):
        change(read_run(tmp_path / "now"), tmp_path / "now")


def test_maps_with_other_pixels_are_not_followed(tmp_path: Path) -> None:
    finished.bare(tmp_path / "now")
    aside = replace(finished.GRID, left=finished.GRID.left + 5)
    finished.stack(tmp_path / "aside", 2019, aside)
    finished.put_map(tmp_path / "aside", runs.land(), aside, 2019)
    told = change(read_run(tmp_path / "now"), tmp_path / "aside")
    assert told.crossed is None and "different pixels" in told.why
    shifted = Grid(*(aside.crs, 10.0, finished.GRID.left + 300, finished.GRID.top - 200, 120, 100))
    finished.stack(tmp_path / "shifted", 2019, shifted)
    land = runs.land(grid=shifted)
    finished.put_map(tmp_path / "shifted", land, shifted, 2019)
    told = change(read_run(tmp_path / "now"), tmp_path / "shifted")
    here = runs.mapped(runs.land())
    assert told.crossed is not None
    assert told.crossed[0][0] == ((land[:80, :90] == 1) & (here[20:, 30:] == 1)).sum()


def test_a_difference_that_is_not_known_has_no_interval() -> None:
    known = Estimated(value=1.0, se=0.3, low=0.4, high=1.6)
    nothing = Estimated(value=None, se=None, low=None, high=None)
    assert difference(known, nothing) == nothing
    assert difference(known, Estimated(value=3.0, se=0.4, low=2, high=4)).low == pytest.approx(-2 - 1.96 * 0.5)


def pair(value: float, low: float, high: float, p: float) -> Pair:
    nothing = Figure(value=value, low=low, high=high)
    each = Overall[Figure](**dict.fromkeys(("oa", "kappa", "mean_pa", "mean_ua", "mean_f1", "mean_iou"), nothing))
    return Pair(a="A", b="B", difference=each, only_a=1, only_b=2, statistic=None, p=p, p_holm=p)


def test_models_are_told_apart_only_where_test_and_interval_agree() -> None:
    assert pair(0.1, 0.05, 0.15, 0.01).better == "A"
    assert pair(-0.1, -0.15, -0.05, 0.01).better == "B"
    assert pair(0.1, 0.05, 0.15, 0.06).better is None
    assert pair(0.1, -0.01, 0.15, 0.01).better is None


def test_the_model_of_the_map_is_told_apart_from_the_others() -> None:
    pairs = [pair(-0.1, -0.15, -0.05, 0.01), pair(0.1, -0.01, 0.15, 0.01)]
    better, alike = verdicts(pairs, "A")
    assert better == "Better than A, which made the map: B by +10.0 (+5.0 … +15.0) points, p = 0.010."
    assert "Cannot be told apart from A on these samples: B." in alike
    assert list(verdicts(pairs[:1], "B")) == [
        "Worse than B, which made the map: A by −10.0 (−15.0 … −5.0) points, p = 0.010."
    ]
    assert not list(verdicts(pairs, "C"))
    [said] = rivals(pairs, "A")
    assert "B is right more often than A" in said and "`classify.model`" in said
    assert not list(rivals(pairs, "B"))


def test_natural_colours_and_how_often_it_was_seen(tmp_path: Path) -> None:
    bands, counts = finished.stack(tmp_path)
    finished.put_map(tmp_path, runs.land())
    found = read_run(tmp_path)
    image, season = composite(found)
    assert image is not None and season == "summer" and image.shape == (100, 120, 3)
    known = np.isfinite(bands[0])
    assert (image[~known] == 1).all() and image[known].min() == 0
    order = np.argsort(bands[0][known])
    assert (np.diff(image[known][order][:, 0]) >= 0).all(), "brighter stays brighter"
    told = seen(found)["summer_optical"]
    assert told.median == np.median(counts) and told.never == pytest.approx((counts == 0).mean(), abs=0.003)


def test_seasons_without_data_are_told_first(tmp_path: Path) -> None:
    finished.stack(tmp_path)
    finished.put_map(tmp_path, runs.land())
    full = read_run(tmp_path)
    masked = {"spring": 1.0, "summer": 0.2, "winter": 1.0, "static": 1.0}
    seasons = {season: ("", "") for season in ("spring", "summer", "winter")}
    empty = replace(full, stack=replace(full.stack, seasons=seasons, masked=masked))
    assert any("no data at all of spring and winter" in line for line in findings(empty, None))
    assert not any("no data at all" in line for line in findings(full, None))
    assert any("a source has none: summer 20.0 % and static 100.0 %" in line for line in caveats(empty, False))


def test_a_class_by_itself() -> None:
    where = np.zeros((720, 720), bool)
    where[:, :360] = True
    image = np.asarray(Image.open(io.BytesIO(share(where, "#204060"))))
    assert image.shape == (360, 360, 3)
    assert image[0, 0].tolist() == [0x20, 0x40, 0x60]
    assert image[0, -1].tolist() == list(bytes.fromhex(NOTHING[1:]))
    pale = np.asarray(Image.open(io.BytesIO(share(where, "#ffffcc"))))[0, 0]
    assert pale.mean() < 130, "a colour like paper is darkened"


def test_an_archive_that_is_simulated_says_so(tmp_path: Path) -> None:
    config = finished.config(tmp_path / "run")
    item = tmp_path / "archive" / "A" / "one" / "one.json"
    item.parent.mkdir(parents=True)
    item.write_text(json.dumps({"properties": {"cloud": 1}}))
    real = Config.model_validate({**config.model_dump(), "archive": tmp_path / "archive"})
    assert not simulated(config) and not simulated(real)
    item.write_text(json.dumps({"properties": {"simulated": "minecover"}}))
    assert simulated(real)
    finished.bare(tmp_path / "run")
    assert "This place does not exist" in page(real).text


def test_axes_and_words() -> None:
    told = axis([3.0, -47.0, 120.0, None])
    assert told.at(-47) == told.EDGE and told.at(120) == told.LENGTH - told.EDGE
    assert told.at(-50) == told.EDGE, "what lies outside stands at the end"
    assert told.ticks == (0.0, 50.0, 100.0)
    assert axis([]).at(0) == told.EDGE
    assert [hectares(v) for v in (None, 0.04, -0.04, 99.94, 1234.5)] == ["–", "0.0", "0.0", "99.9", "1,234"]
    assert [listed(t) for t in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_sentences_do_not_grow_with_the_classes() -> None:
    assert quoted(["a", "b"], "or") == "“a” or “b”"
    assert quoted([str(n) for n in range(9)]) == "“0”, “1”, “2”, “3”, “4”, “5” and 3 others"
    assert [p_value(p) for p in (0.0341, 0.0002)] == ["p = 0.034", "p < 0.001"]


def test_files_of_another_version_are_told(tmp_path: Path) -> None:
    config, _ = finished.whole(tmp_path)
    samples = json.loads((tmp_path / "samples.json").read_text("utf-8"))
    del samples["split"]
    (tmp_path / "samples.json").write_text(json.dumps(samples))
    with pytest.raises(MinecoverError, match="Another version of minecover"):
        said(config)
    (tmp_path / "samples.json").write_text("{")
    with pytest.raises(MinecoverError, match="Make it again"):
        said(config)
    assert not (tmp_path / "report.html").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished.bare(tmp_path / "run")
    path = tmp_path / "pit.yaml"
    path.write_text(EXAMPLE.format(name="Pit", legend=json.dumps(runs.LEGEND)))
    assert cli.main(["report", str(path)]) == 0
    assert "Written: report.html" in capsys.readouterr().out
    assert cli.main(["report", str(path)]) == 0
    assert "Unchanged" in capsys.readouterr().out
