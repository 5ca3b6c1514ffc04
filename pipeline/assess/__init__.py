"""The stage `assess`: how right the models are on the test part, and how right the map is, from a probability sample.

It reads what models answered, the map and the reference sample, and writes accuracy.json and pictures. `design` draws
the points of a reference sample from the map and writes the sheet that a person fills in.
"""

from pipeline.assess.drawing import Wish, design
from pipeline.assess.stage import run

__all__ = ["Wish", "design", "run"]
