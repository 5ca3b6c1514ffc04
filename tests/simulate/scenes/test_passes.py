"""Satellites pass when they would, under names as Earth Engine has them."""

import re
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from pipeline.simulate.district import Place
from pipeline.simulate.scenes import passes


def test_the_tile_is_the_one_on_the_map() -> None:
    assert passes.mgrs(Place(10_000)) == "49SDE"
    assert passes.mgrs(Place(10_000, 600_000, 5_800_000, "EPSG:32632")) == "32UPC"  # between Hanover and Wolfsburg
    assert passes.mgrs(Place(10_000, 300_000, 4_700_000, "EPSG:32633")) == "33TUG"  # near Rome


def test_optical_passes_repeat_as_real_ones_do() -> None:
    """Real products of orbit 18: S2A on 2020-05-18, 2020-08-26 and 2021-08-31."""
    every = passes.optical(Place(1000), 2021, 146) + passes.optical(Place(1000), 2020, 146)
    dates = {p.start.date() for p in every if p.relative == 18 and p.satellite == "Sentinel-2A"}
    assert {date(2020, 5, 18), date(2020, 8, 26), date(2021, 8, 31)} <= dates
    for p in every:
        offset = 2 if p.satellite == "Sentinel-2A" else -27
        assert (p.absolute + offset) % 143 + 1 == p.relative
        assert re.fullmatch(r"\d{8}T\d{6}_\d{8}T\d{6}_T49SDE", p.index)
    assert len({p.index for p in every}) == len(every)


def test_radar_passes_repeat_every_twelve_days() -> None:
    every = passes.radar(2021, passes.most())
    for direction in ("ASCENDING", "DESCENDING"):
        mine = [p for p in every if p.direction == direction]
        assert {(b.start - a.start).days % 12 for a, b in pairwise(mine)} == {0}
        assert {(p.absolute - 73) % 175 + 1 for p in mine} == {mine[0].relative}
    assert all(re.fullmatch(r"S1A_IW_GRDH_1SDV(_\d{8}T\d{6}){2}_\d{6}_[0-9A-F]{6}_[0-9A-F]{4}", p.index) for p in every)


@pytest.mark.parametrize("count", [1, 2, 4, 24, 60])
def test_dates_are_spread_over_the_seasons_of_the_year(count: int) -> None:
    for found in (passes.optical(Place(1000), 2021, count), passes.radar(2021, count)):
        days = [p.start for p in found]
        assert len(set(days)) == count and days == sorted(days)
        assert datetime(2020, 12, 1, tzinfo=UTC) <= days[0] and days[-1] < datetime(2021, 12, 1, tzinfo=UTC)
        if count >= 4:
            quarters = [sum(d.month % 12 // 3 == n for d in days) for n in range(4)]
            assert max(quarters) - min(quarters) <= 2
        if count == 24:
            assert min(sum(p.start.month in (6, 7, 8) for p in found), 5) == 5
