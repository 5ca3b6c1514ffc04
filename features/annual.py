"""The stack of features of one year, the observations behind it, and the scenes there are."""

from __future__ import annotations

from typing import Any

import ee

from features import catalog, indices, nightlights, seasons, sentinel1, sentinel2, tasseledcap, terrain, texture
from features.composite import filled
from features.options import Options, chosen
from features.seasons import Window


def stack(region: ee.Geometry, year: int, **options: Any) -> ee.Image:
    """One float32 image of the catalogue's bands, in its order: 112 of them, 113 with aspect='sincos'.

    Seasons are those of `year`; winter begins in the December before (summer, in the south). The image covers what
    the scenes cover, not only the region. A pixel without any observation in a season is masked in its bands.
    Options are those of `features.Options`.
    """
    made = chosen(**options)
    half = _hemisphere(region, made)
    way = sentinel1.direction(region, year, made)
    parts = [_season(region, season, year, half, way, made) for season in catalog.SEASONS]
    parts += [terrain.terrain(region, made), nightlights.lights(year, made)]
    return ee.Image.cat(parts).select(list(catalog.names(made.aspect))).toFloat()


def observations(region: ee.Geometry, year: int, **options: Any) -> ee.Image:
    """How often each pixel was seen in each season of the year, uint16, bands `spring_optical` … `winter_radar`.

    0 where it was not: what the stack has there comes from the years before and after, or is masked.
    """
    made = chosen(**options)
    half = _hemisphere(region, made)
    way = sentinel1.direction(region, year, made)
    counts = []
    for season in catalog.SEASONS:
        window = seasons.window(season, year, half)
        counts += [sentinel2.count(region, window, made), sentinel1.count(region, window, way, made)]
    return ee.Image.cat(counts).rename(list(catalog.COUNTS)).toUint16()


def scenes(region: ee.Geometry, year: int, **options: Any) -> ee.Dictionary:
    """How many images each source has: `spring_optical` … `winter_radar` of the year itself, `dem` and `lights` where
    they are read; and where radar is, the orbit direction that is used, `orbit`."""
    made = chosen(**options)
    half = _hemisphere(region, made)
    way = sentinel1.direction(region, year, made)
    found: dict[str, Any] = {}
    for season in catalog.SEASONS:
        window = seasons.window(season, year, half)
        found[f"{season}_optical"] = sentinel2.scenes(region, window).size()
        found[f"{season}_radar"] = sentinel1.scenes(region, window, way, made).size()
    if made.dem:
        found["dem"] = terrain.tiles(region, made).size()
    if made.lights:
        found["lights"] = nightlights.images(year, made).filterBounds(region).size()
    if made.radar:
        found["orbit"] = way
    return ee.Dictionary(found)


def aliases(**options: Any) -> list[tuple[str, str, int]]:
    """Indices that these options make equal (1) or opposite (−1) in every season: one of each pair says nothing new."""
    return indices.aliases(chosen(**options))


def _hemisphere(region: ee.Geometry, options: Options) -> str:
    return options.hemisphere or seasons.hemisphere(region)


def _season(region: ee.Geometry, season: str, year: int, hemisphere: str, way: ee.String, options: Options) -> ee.Image:
    """The 27 bands of one season, by their names in the catalogue."""
    window = seasons.window(season, year, hemisphere)
    others = [seasons.window(season, year + step, hemisphere) for step in (-1, 1)] if options.fallback else []
    optical = filled(lambda w: sentinel2.median(region, w, options), window, others)
    radar = filled(lambda w: sentinel1.mean(region, w, way, options), window, others)
    parts = [optical, indices.indices(optical, options), _tasseled_cap(region, window, others, optical, options)]
    parts += [texture.texture(optical), radar]
    return ee.Image.cat(parts).regexpRename("^", f"{season}_")


def _tasseled_cap(
    region: ee.Geometry, window: Window, others: list[Window], optical: ee.Image, options: Options
) -> ee.Image:
    if options.tasseled_cap == "six":
        return tasseledcap.six(optical)
    return tasseledcap.thirteen(filled(lambda w: sentinel2.median_above(region, w, options), window, others))
