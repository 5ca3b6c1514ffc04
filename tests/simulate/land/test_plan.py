"""Things lie where they can: mines on dry ground apart from each other, roads in one piece, lakes that hold water."""

import numpy as np
import pytest
from scipy import ndimage
from shapely import LineString, union_all

from pipeline.simulate.district import PIXEL, Place
from pipeline.simulate.land import digging, haulage, mines, roads
from pipeline.simulate.land.mines import LAST, START
from pipeline.simulate.land.terrain import BED
from pipeline.simulate.land.years import Plan, plan
from pipeline.simulate.noise import slope

PLACE = Place(5000)
SEED = 2


@pytest.fixture(scope="module")
def made() -> Plan:
    return plan(PLACE, SEED)


@pytest.fixture(scope="module")
def site(made: Plan) -> digging.Site:
    return digging.site(made.mines[0], made.ground.elevation, SEED)


def test_mines_keep_off_water_and_each_other(made: Plan) -> None:
    assert len(made.mines) == 2
    grounds = [mines.footprint(mine, PLACE.shape()[0]) for mine in made.mines]
    assert sum(g.astype(int) for g in grounds).max() == 1
    taken = np.any(grounds, axis=0)
    assert not (taken & (made.ground.river < BED)).any()
    assert not any((taken & (lake.basin | lake.dam)).any() for lake in made.lakes)
    steep = slope(ndimage.gaussian_filter(made.ground.elevation, 6))
    assert steep[taken].mean() < steep[~taken & (made.ground.elevation - made.ground.level > 40)].mean()


def test_mines_and_restored_land_have_the_size_they_are_laid_out_for(made: Plan) -> None:
    area = sum(m.width * m.face + m.dump_width * m.dump_length for m in made.mines) / PLACE.size_m**2
    assert 0.6 * (mines.MINE_SHARE + mines.RESTORED_SHARE) < area < 1.05 * (mines.MINE_SHARE + mines.RESTORED_SHARE)


def test_roads_are_one_piece_and_reach_everything(made: Plan) -> None:
    network = union_all([LineString(road.points).buffer(road.width / 2 + 1) for road in made.roads])
    assert network.geom_type == "Polygon"
    painted = roads.painted(made.roads, PLACE.shape(2.5)[0])
    assert ndimage.label(painted, np.ones((3, 3)))[1] == 1
    away = ndimage.distance_transform_edt(~painted) * 2.5
    for settlement in made.settlements:
        assert away[int(settlement.frame.y / 2.5), int(settlement.frame.x / 2.5)] < 60
    for mine in made.mines:
        _, high, near, far = mine.yard
        x, y = mine.frame.ground(np.array(high - 5), np.array((near + far) / 2))
        assert away[int(y / 2.5), int(x / 2.5)] < 10
    edge = np.concatenate([painted[0], painted[-1], painted[:, 0], painted[:, -1]])
    assert edge.sum() * 2.5 > 1.5 * roads.HIGHWAY  # the through road leaves the district twice


def test_a_reservoir_lies_below_its_dam_and_is_one_piece(made: Plan) -> None:
    assert made.lakes
    for lake in made.lakes:
        assert ndimage.label(lake.basin)[1] == 1
        assert made.ground.elevation[lake.basin].max() < lake.level + 0.5
        assert made.ground.elevation[lake.dam].max() < lake.level + 1.5
        assert not (lake.dam & lake.basin).any()
        assert lake.height(START) > lake.height(START + 1)


def test_settlements_only_grow(made: Plan) -> None:
    u, v = np.meshgrid(np.linspace(-900, 900, 61), np.linspace(-900, 900, 61))
    for settlement in made.settlements:
        joined = settlement.joined(u, v)
        assert joined[30, 30] < START  # its middle is old
        growing = ((joined > START) & (joined <= LAST)).any()
        assert growing == (settlement.kind == "town")


@pytest.mark.parametrize("year", [START, START + 1, LAST])
def test_benches_go_down_to_the_seam(site: digging.Site, year: int) -> None:
    works = digging.works(site, year)
    open_pit = np.isin(works.zone, (digging.WALLS, digging.FLOOR, digging.SEAM))
    depth = (site.before - works.elevation)[open_pit]
    assert depth.min() > -0.01
    floor = works.zone == digging.FLOOR
    # Where the strip runs into a hill, more lies above the seam than where it began.
    assert 0.65 < (site.before - works.elevation)[floor].mean() / site.mine.depth < 1.8
    np.testing.assert_allclose((works.elevation - site.seam)[works.zone == digging.SEAM], 10, atol=0.6)
    walls = (works.zone == digging.WALLS) & ~works.face & (works.elevation < site.before - 0.1)
    # Between risers a bench is level: whole steps above the seam, which itself dips gently.
    above = np.mod((works.elevation - site.seam)[walls] / mines.BENCH + 0.5, 1) - 0.5
    assert np.abs(above).max() < 0.01


def test_dumps_rise_and_only_what_was_tipped_is_restored(site: digging.Site) -> None:
    for year in (START, START + 1):
        works = digging.works(site, year)
        dump = works.zone == digging.DUMP
        assert ((works.elevation - site.before)[dump] > 0).all()
        assert (works.elevation - site.before)[dump].mean() > 8
        assert (works.age[works.zone == digging.GREEN] >= 0).all()
        assert (works.age[works.zone != digging.GREEN] == 0).all()


def test_the_mine_moves_on(site: digging.Site) -> None:
    one, two = (digging.works(site, START + k) for k in (0, 1))
    strip = site.v < site.mine.dump_from
    dug_one, dug_two = ((w.zone != digging.NONE) & strip for w in (one, two))
    assert not (dug_one & ~dug_two).any()  # what has been dug stays dug
    new = dug_two & ~dug_one
    assert site.u[new].mean() > site.mine.face - 0.1 * site.mine.pit  # at the face
    green_one, green_two = (w.zone == digging.GREEN for w in (one, two))
    assert green_two.sum() > 1.05 * green_one.sum()
    assert (green_one & ~green_two).sum() < 0.01 * green_one.sum()
    seam_one, seam_two = (site.u[w.zone == digging.SEAM].mean() for w in (one, two))
    assert seam_two - seam_one == pytest.approx(site.mine.advance, rel=0.5)


def test_a_ramp_leads_down_at_a_lorrys_grade(site: digging.Site) -> None:
    works = digging.works(site, START)
    line = haulage.ramp(site, works)
    fall = -np.diff(line[:, 2])
    assert ((fall >= 0) & (fall <= haulage.STEP * haulage.GRADE + 1e-6)).all()
    assert line[0, 2] - line[-1, 2] == pytest.approx(site.mine.depth, rel=0.4)
    row, column = site.window.cell(line[-1, 0], line[-1, 1], 2.5)
    assert works.zone[row, column] in (digging.FLOOR, digging.SEAM, digging.WALLS, digging.FRESH)
    assert np.hypot(*np.diff(line[:, :2], axis=0).T).max() < 1.01 * PIXEL / 2
