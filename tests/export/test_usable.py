"""Images that are there but cannot be used are named, with what they lack and how to give it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import MinecoverError
from pipeline.export import run
from tests.export.test_real_features import wish
from tests.features import scenes
from tests.features.scenes import Scene

RADAR = {"instrumentMode": "IW", "transmitterReceiverPolarisation": ["VV", "VH"], "orbitProperties_pass": "ASCENDING"}


def archive(folder: Path, radar: Mapping[str, Any] = RADAR, lacking: str = "") -> Path:
    """One scene of each source, the radar image with these properties and the optical one without a band."""
    some = [s for s in scenes.terrain() if s.collection == scenes.NASADEM]
    some += [s for s in scenes.lights() if s.collection == scenes.ANNUAL]
    some += [s for s in scenes.optical() if s.collection in (scenes.L2A, scenes.CLOUD_SCORE) and "20210719T" in s.index]
    some += [s for s in scenes.radar() if s.index == "S1A_A_20210718"]
    found = [replace(s, properties=radar) if s.collection == scenes.RADAR else without(s, lacking) for s in some]
    return scenes.write(found, folder).root


def without(scene: Scene, band: str) -> Scene:
    kept = ({b: data for b, data in layer.bands.items() if b != band} for layer in scene.layers)
    return replace(scene, layers=tuple(replace(old, bands=new) for old, new in zip(scene.layers, kept, strict=True)))


def planned(folder: Path, place: Path, *settings: str) -> str:
    return "\n".join(run(wish(folder, place, *settings), only_plan=True))


@pytest.mark.parametrize(("properties", "settings", "said"), [
    ({}, [], [
        "from 2020-12-01 to 2021-12-01, 1 in all, and none can be used: 1 have no instrumentMode; 1 have no trans",
        "--property instrumentMode=IW --property 'transmitterReceiverPolarisation=[\"VV\",\"VH\"]' --property "
        "orbitProperties_pass=ASCENDING (or DESCENDING).",
    ]),
    (RADAR | {"instrumentMode": "EW"}, [], [
        "used: 1 have instrumentMode 'EW', not 'IW'. If", "--overwrite and --property instrumentMode=IW."
    ]),
    (RADAR | {"transmitterReceiverPolarisation": ["VV"]}, [], ["['VV'], not ['VV', 'VH']"]),
    (RADAR | {"transmitterReceiverPolarisation": "VV VH"}, [], ["'VV VH', not ['VV', 'VH']"]),
    (RADAR, ["orbit=DESCENDING"], ["1 have orbitProperties_pass 'ASCENDING', not 'DESCENDING'"]),
    (RADAR, ["relative_orbit=4"], ["1 have no relativeOrbitNumber_start", "--property relativeOrbitNumber_start=4."]),
])  # fmt: skip
def test_radar_images_that_do_not_say_what_they_are(
    tmp_path: Path, properties: dict[str, Any], settings: list[str], said: list[str]
) -> None:
    with pytest.raises(MinecoverError) as raised:
        planned(tmp_path, archive(tmp_path, properties), *settings)
    for text in said:
        assert text in str(raised.value)


def test_a_scene_without_a_band_is_refused_before_any_work(tmp_path: Path) -> None:
    place = archive(tmp_path, lacking="B8A")
    with pytest.raises(
        MinecoverError, match=r"/20210719T.* has no band B8A, which the features read; its bands are B2,"
    ):
        planned(tmp_path, place)


def test_a_band_that_only_a_cloud_mask_reads(tmp_path: Path) -> None:
    place = archive(tmp_path, lacking="SCL")
    assert "1 optical" in planned(tmp_path, place)
    with pytest.raises(MinecoverError, match=r"has no band SCL.*or do without: --set clouds=none"):
        planned(tmp_path, place, "clouds=scl")
