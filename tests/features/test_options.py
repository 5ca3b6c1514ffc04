"""Options: defaults that make the catalogue's bands, and plain words for what cannot be chosen."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from features.options import Options, chosen

GUIDE = Path(__file__).parents[2] / "docs" / "features.md"


def test_defaults() -> None:
    assert chosen() == Options()
    assert Options(clouds="scl").clouds == ("scl",)  # type: ignore[arg-type]
    assert Options(clouds=None).clouds == Options(clouds=()).clouds == ()  # type: ignore[arg-type]
    assert (Options().luojia, Options(lights=None).luojia, Options(lights="a/b").luojia) == (None, None, "a/b")


def test_help_and_guide_explain_every_option_in_the_same_words() -> None:
    explained = dict(re.findall(r"^ {4}(\w+): (.*)$", Options.__doc__ or "", re.MULTILINE))
    assert list(explained) == [f.name for f in fields(Options)]
    rows = re.findall(r"^\| `(\w+)` \| `.*` \| (.*) \|$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert {name: words[:1].upper() + words[1:] for name, words in explained.items()} == dict(rows)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ndwi": "gao"}, "ndwi='gao' is not a choice. Choose from 'xu', 'mcfeeters'."),
        ({"clouds": ("scl", "fmask")}, "clouds='fmask'"),
        ({"clear": 60}, "clear=60 is not a score"),
        ({"relative_orbit": 176}, "relative_orbit=176"),
        ({"lights": "luojia"}, "or the asset id of a Luojia-1 raster"),
        ({"speckel": "lee"}, "There is no option 'speckel'. Did you mean 'speckle'?"),
        ({"patch": 15}, "Choose from hemisphere, "),
        ({"fallback": "no"}, "fallback='no' is not a choice"),
    ],
)
def test_what_cannot_be_chosen_is_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"\.") as raised:
        chosen(**given)
    assert said in str(raised.value)
