"""Draws docs/pictures/demo.png from what `make demo` left: the composite and its NDVI side by side, small."""

from pathlib import Path

from PIL import Image

SIDE, GAP = 420, 12


def draw(demo: Path) -> Image.Image:
    """Both pictures beside each other, in 128 colours each so that the file stays small."""
    whole = Image.new("RGB", (2 * SIDE + GAP, SIDE), "white")
    for i, name in enumerate(("composite.png", "ndvi.png")):
        picture = Image.open(demo / name).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
        whole.paste(picture.quantize(128, dither=Image.Dither.NONE).convert("RGB"), (i * (SIDE + GAP), 0))
    return whole.quantize(256, dither=Image.Dither.NONE)


if __name__ == "__main__":
    folder = Path(__file__).with_name("pictures")
    folder.mkdir(exist_ok=True)
    draw(Path(__file__).parents[1] / "demo").save(folder / "demo.png", optimize=True)
