"""From scenes to one image a season: the same season of other years where a pixel stays empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ee

from features.seasons import Window

Scenes = Callable[[Window], ee.ImageCollection]


def blank(names: Sequence[str]) -> ee.Image:
    """A float image of these bands that is masked everywhere."""
    return ee.Image.constant([0] * len(names)).rename(list(names)).toFloat().updateMask(0)


def with_blank(scenes: ee.ImageCollection, names: Sequence[str]) -> ee.ImageCollection:
    """The scenes and a masked one: a season without any has its bands all the same."""
    return scenes.merge(ee.ImageCollection([blank(names)]))


def filled(composite: Callable[[Sequence[Window]], ee.Image], window: Window, neighbours: Sequence[Window]) -> ee.Image:
    """The composite of the window; pixels that are empty there come from that of all neighbours together."""
    own = composite([window])
    return own.unmask(composite(neighbours), False) if neighbours else own


def pooled(scenes: Scenes, windows: Sequence[Window], names: Sequence[str]) -> ee.ImageCollection:
    """All scenes of the windows, and a masked one."""
    gathered = scenes(windows[0])
    for window in windows[1:]:
        gathered = gathered.merge(scenes(window))
    return with_blank(gathered, names)
