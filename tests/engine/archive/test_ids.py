import pytest

from pipeline.engine.archive import ids
from pipeline.errors import ArchiveError


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("COPERNICUS/S2/20210101T0_T31UFS", "COPERNICUS/S2/20210101T0_T31UFS"),
        ("projects/earthengine-public/assets/NASA/NASADEM_HGT/001", "NASA/NASADEM_HGT/001"),
        ("projects/earthengine-legacy/assets/users/me/x", "users/me/x"),
        ("projects/earthengine-legacy/assets/projects/local/assets/x", "projects/local/assets/x"),
        ("projects/my-project/assets/a b é", "projects/my-project/assets/a b é"),
        ("users/me/", "users/me"),
    ],
)
def test_spellings_of_one_id_become_one(given: str, wanted: str) -> None:
    assert ids.canonical(given) == wanted


@pytest.mark.parametrize(
    "bad",
    ["", "/etc/passwd", "a/../b", "..", "a//b", "a/./b", ".hidden", "a\0b", "a\\b", "a\nb", "x/" + "n" * 201,
     "projects/earthengine-public/assets/../../x", "X/collection.json", "a/ b", "a" * 50 + "/b" * 600],
)  # fmt: skip
def test_ids_that_could_leave_the_archive_are_refused(bad: str) -> None:
    with pytest.raises(ArchiveError, match="Invalid asset id"):
        ids.canonical(bad)


def test_a_component_has_no_slash() -> None:
    assert ids.component("B2") == "B2"
    with pytest.raises(ArchiveError, match="contains '/'"):
        ids.component("a/b")
