"""Draws docs/pictures/demo.jpg from what `make demo` left: a summer and its NDVI side by side, with a scale."""

from pathlib import Path

from PIL import Image, ImageColor, ImageDraw

from pipeline.demo import GREENNESS

SIDE, GAP, BAR = 420, 12, 34


def draw(demo: Path) -> Image.Image:
    """Both pictures beside each other, a colour bar with its numbers under the second."""
    whole = Image.new("RGB", (2 * SIDE + GAP, SIDE + BAR), "white")
    for i, name in enumerate(("summer.png", "ndvi.png")):
        picture = Image.open(demo / name).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
        whole.paste(picture, (i * (SIDE + GAP), 0))
    pen = ImageDraw.Draw(whole)
    colours = [ImageColor.getrgb(f"#{c.lstrip('#')}") for c in GREENNESS["palette"]]
    left, width, top = SIDE + GAP + 60, SIDE - 120, SIDE + 8
    for x in range(width):
        place = x / (width - 1) * (len(colours) - 1)
        low, share = min(int(place), len(colours) - 2), place - min(int(place), len(colours) - 2)
        mixed = tuple(round(a + share * (b - a)) for a, b in zip(colours[low], colours[low + 1], strict=True))
        pen.line([(left + x, top), (left + x, top + 14)], fill=mixed)
    pen.text((left - 6, top + 1), f"NDVI {GREENNESS['min']}", fill="black", anchor="ra", font_size=13)
    pen.text((left + width + 6, top + 1), f"{GREENNESS['max']}", fill="black", font_size=13)
    return whole


if __name__ == "__main__":
    folder = Path(__file__).with_name("pictures")
    folder.mkdir(exist_ok=True)
    draw(Path(__file__).parents[1] / "demo").save(folder / "demo.jpg", quality=90)
