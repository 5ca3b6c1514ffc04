"""Draws docs/pictures/selection-*.jpg from the selection of a run.

    python docs/draw_selection.py RUN

RUN is the folder of a run in which `minecover select` is done.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from pipeline.select.pictures import pictures
from pipeline.selection import Selection

PICTURES = Path(__file__).parent / "pictures"
LARGEST = 200_000


def jpeg(png: bytes) -> bytes:
    """The picture as JPEG, as good as fits in the size."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in (90, 85, 80, 70, 60):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() < LARGEST:
            return file.getvalue()
    raise SystemExit("A picture is too large at any quality. Draw it smaller.")


def main(run: Path) -> None:
    """Nothing; the pictures are in their folder."""
    selection = Selection.from_json((run / "selection.json").read_text("utf-8"))
    for name, png in pictures(selection).items():
        (PICTURES / f"selection-{Path(name).stem}.jpg").write_bytes(jpeg(png))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
