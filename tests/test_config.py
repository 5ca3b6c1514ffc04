"""Configurations: what is read, and what a person is told of each mistake."""

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel, ValidationError
from shapely.geometry import Point

from pipeline.config import SECTIONS, Config, Legend, ModelName, NetworkName, read_config
from pipeline.errors import MinecoverError
from pipeline.models import NAMES, NETWORKS
from pipeline.region import read_region
from pipeline.simulate.district import CLASSES, COLOURS

CONFIGS = Path(__file__).parents[1] / "configs"
TEXT = """\
name: "Pit & Söhne 🏔"
region: r.geojson
year: 2021
output: run
legend:
  - {code: 1, name: forest/grass, colour: "#1a7a1a"}
  - {code: 2, name: water, colour: "#1a7aff"}
labels: {file: labels.csv}
split:
  folds: 3
"""


def read(folder: Path, text: str) -> Config:
    path = folder / "pit.yaml"
    path.write_text(text, "utf-8")
    return read_config(path)


def test_the_base_file_names_every_key_with_its_default() -> None:
    given = yaml.safe_load((CONFIGS / "base.yaml").read_text("utf-8"))

    def compare(model: type[BaseModel], found: dict[str, Any]) -> None:
        assert set(found) == set(model.model_fields)
        for key, field in model.model_fields.items():
            if not field.is_required() and key not in SECTIONS:
                default = field.get_default(call_default_factory=True)
                assert found[key] == (list(default) if isinstance(default, tuple) else default), key

    compare(Config, given)
    for name, model in SECTIONS.items():
        compare(model, given[name][0] if name == "legend" else given[name])
    assert read_config(CONFIGS / "base.yaml").year == 2021
    assert all("#" in line for line in (CONFIGS / "base.yaml").read_text("utf-8").splitlines() if line[2:].strip(" -")
               and not line.endswith(":"))  # fmt: skip


def test_the_demo_is_the_simulated_district() -> None:
    config = read_config(CONFIGS / "demo.yaml")
    assert (CONFIGS / "demo.yaml").read_text().count("\n") <= 15
    assert dict(zip(config.legend.codes, config.legend.names, strict=True)) == dict(CLASSES)
    assert {c.code: c.colour for c in config.legend} == COLOURS
    assert config.output == CONFIGS.parent / "demo" / "run"


AREAS = {"ordos": (1_900, 110.15, 39.8), "rhineland": (820, 6.5, 51.0), "cerrejon": (980, -72.66, 11.1)}


@pytest.mark.parametrize("name", AREAS)
def test_mining_areas_are_short_and_where_they_should_be(name: str) -> None:
    config = read_config(CONFIGS / f"{name}.yaml")
    assert (CONFIGS / f"{name}.yaml").read_text("utf-8").count("\n") <= 15
    assert config.archive is None and config.output == CONFIGS.parent / "runs" / name
    assert len(config.legend) == 6 and "mine" in config.legend.names
    region, (area, east, north) = read_region(config.region), AREAS[name]
    assert region.area_km2 == pytest.approx(area, rel=0.02) and not region.notes
    assert region.geometry.contains(Point(east, north))
    assert f"`{name}.yaml`" in (CONFIGS / "README.md").read_text("utf-8")


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = read(tmp_path, TEXT.replace("r.geojson", "../r.geojson").replace("run", "/runs/a b/ü"))
    assert config.region == tmp_path.parent / "r.geojson"
    assert config.labels.file == tmp_path / "labels.csv"
    assert config.output == Path("/runs/a b/ü")
    assert config.archive is None


def test_a_configuration_is_frozen(tmp_path: Path) -> None:
    config = read(tmp_path, TEXT)
    with pytest.raises(ValidationError):
        config.year = 2022  # type: ignore[misc]


MISTAKES = [
    ("folds: 3", "fold: 3", r"line 10: there is no key 'split\.fold'\. Is 'folds' meant\?"),
    ("name: \"", "nam: \"", r"line 1: there is no key 'nam'\. Is 'name' meant\?"),
    ("year: 2021", "neighbors: 5\nyear: 2021", r"line 3: there is no key 'neighbors'\. Is 'select\.neighbors' meant\?"),
    ("folds: 3", "wurst: 3", r"no key 'split\.wurst'\. Known here: kind, test"),
    ("year: 2021\n", "", "'year' is missing"),
    ("year: 2021", "year: 2021\nyear: 2022", "line 4: 'year' stands there twice"),
    ("year: 2021", "year: true", "line 3: year must be a whole number, not true"),
    ("folds: 3", "folds: 1", r"line 10: split\.folds must be 2 or more, not 1"),
    ("folds: 3", "test: 1", r"split\.test must be less than 1, not 1"),
    ("folds: 3", "block_m: .inf", r"split\.block_m must be a finite number"),
    ("folds: 3", "kind: bloks", r"split\.kind must be one of 'blocks', .* or 'random', not \"bloks\""),
    ("folds: 3", "kind: regions", "region_field must name"),
    ("folds: 3", "patch_px: 10", r"pit\.yaml': split\.patch_px is 10, but ResNet50 needs an odd number"),
    ("folds: 3", "patch_px: 1", r"split\.patch_px is 1, but ResNet50 needs"),
    ("folds: 3", "patch_px: 4\ntrain: {models: [RF], baselines_see: patch}", r"baselines see need a middle; use 5"),
    ("code: 2", "code: 1", "line 5: legend has the code 1 twice"),
    ("code: 2", "code: 0", r"line 7: legend\[2\]\.code must be 1 or more, not 0"),
    ("code: 2", "code: 256", "must be 255 or less"),
    ("water", "FOREST/grass", "legend has the name 'forest/grass' twice"),
    ("water", "no", r"legend\[2\]\.name must be text; put it in quotes, not false"),
    ("water", '"a\\nb"', r"legend\[2\]\.name must not hold line breaks"),
    ("water", "' '", "is blank"),
    ('"#1a7aff"}', "blue}", "must be like '#1b9e77', in quotes"),
    ("file: labels.csv", "file: labels.csv, x: lon", "names only one of x and y"),
    ("file: labels.csv", 'file: "a\\0b"', r"labels\.file must be the path"),
    ("- {code: 2", "- [code: 2", "line 7 is not valid YAML"),
    ("folds: 3", "test: 0.3\nassess: {map: rf}", r"assess\.map must be one of 'ResNet50', .* or 'ML', not \"rf\""),
    ("folds: 3", "test: 0.3\nassess: {map: ../../run/maps/CNN}", r"line 11: assess\.map must be one of"),
    (TEXT, "", "holds no keys"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "told"), MISTAKES, ids=[m[1][:20].replace("\n", " ") for m in MISTAKES])
def test_mistakes_are_told_plainly(tmp_path: Path, good: str, bad: str, told: str) -> None:
    assert good in TEXT
    with pytest.raises(MinecoverError, match=told):
        read(tmp_path, TEXT.replace(good, bad))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(MinecoverError, match="No such file"):
        read_config(tmp_path / "none.yaml")
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MinecoverError, match="cannot be read"):
        read_config(tmp_path / "x.yaml")


def test_classes_are_found_by_name_and_code(tmp_path: Path) -> None:
    legend = read(tmp_path, TEXT).legend
    assert isinstance(legend, Legend)
    assert legend.by_name(" WATER ").code == 2
    assert legend.by_code(1).name == "forest/grass"
    with pytest.raises(MinecoverError, match=r"no class 'watr'\. Is 'water' meant\?"):
        legend.by_name("watr")
    with pytest.raises(MinecoverError, match=r"no code 9. It has 1 \(forest/grass\), 2 \(water\)"):
        legend.by_code(9)


def test_a_patch_may_be_even_where_nothing_looks_at_it(tmp_path: Path) -> None:
    text = TEXT.replace("folds: 3", "patch_px: 10") + "train: {models: [RF]}\n"
    assert read(tmp_path, text).split.patch_px == 10


def test_the_networks_are_those_that_can_be_built() -> None:
    assert get_args(NetworkName) == NETWORKS and set(get_args(ModelName)) == set(NAMES)
