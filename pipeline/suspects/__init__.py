"""Labels that may be wrong: found, listed for a person, and changed only where the person says so."""

from __future__ import annotations

from pipeline.suspects.find import Suspect, suspects
from pipeline.suspects.pictures import sheet
from pipeline.suspects.review import Applied, Change, Decision, accepted, apply, write_list

__all__ = [
    "Applied",
    "Change",
    "Decision",
    "Suspect",
    "accepted",
    "apply",
    "sheet",
    "suspects",
    "write_list",
]
