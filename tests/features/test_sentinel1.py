"""Radar scenes as they come: with incidence angles, and without."""

from dataclasses import replace
from pathlib import Path

import numpy as np

import features
from features import seasons, sentinel1
from tests.engine.local import connected
from tests.features import scenes, twins
from tests.features.scenes import Layer, Scene
from tests.features.test_twins import Local


def without_angle(scene: Scene) -> Scene:
    layer = scene.layers[0]
    bands = {name: data for name, data in layer.bands.items() if name != "angle"}
    return replace(scene, layers=(Layer(bands, layer.transform, layer.crs, layer.nodata),))


def test_a_scene_without_angles_is_used_whole(tmp_path: Path) -> None:
    ascending = [s for s in scenes.radar() if twins.usable(s) and "A_20210" in s.index]
    first = ascending[0]
    cut = twins.power(first, "VV")
    whole = 10 ** (twins.on_grid(first, "VV") / 10)
    assert np.isnan(cut).sum() > np.isnan(whole).sum(), "the scene has a border to lose"
    for scene, expected in ((first, cut), (without_angle(first), whole)):
        folder = tmp_path / str(len(scene.layers[0].bands))
        folder.mkdir()
        with connected(archive=scenes.write([scene], folder)) as ee:
            local = Local(ee)
            way = ee.String("ASCENDING")
            image = sentinel1.mean(local.region, [seasons.window("spring", 2021)], way, features.Options())
            found = local.pixels(image)["VV"]
        np.testing.assert_allclose(found, 10 * np.log10(expected), rtol=1e-5)
