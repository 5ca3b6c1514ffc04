"""How other programs learn which colour and name a code has: a palette, GDAL's side file, a style for QGIS."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from pipeline.classify.answers import NOTHING
from pipeline.config import Legend

NO_DATA = "no data"
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML file may hold."""
TYPES = {"integer": "0", "text": "2"}
USES = {"Value": "5", "Class": "2", "Red": "6", "Green": "7", "Blue": "8"}


def palette(legend: Legend) -> dict[int, tuple[int, int, int, int]]:
    """Red, green, blue and opacity by code; no data is transparent."""
    return {NOTHING: (0, 0, 0, 0), **{c.code: (*rgb(c.colour), 255) for c in legend}}


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of `#rrggbb`, each 0 to 255."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def side_file(legend: Legend) -> bytes:
    """GDAL's .aux.xml: the name of every value, and a table with names and colours."""
    names = {NOTHING: NO_DATA, **{c.code: c.name for c in legend}}
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    categories = ET.SubElement(band, "CategoryNames")
    for value in range(max(names) + 1):
        _text(categories, "Category", names.get(value, ""))
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for number, (name, use) in enumerate(USES.items()):
        column = ET.SubElement(table, "FieldDefn", index=str(number))
        _text(column, "Name", name)
        _text(column, "Type", TYPES["text" if name == "Class" else "integer"])
        _text(column, "Usage", use)
    for index, one in enumerate(legend):
        row = ET.SubElement(table, "Row", index=str(index))
        for text in (str(one.code), one.name, *map(str, rgb(one.colour))):
            _text(row, "F", text)
    return _bytes(root)


def qgis(legend: Legend) -> bytes:
    """A style for QGIS, which it takes by itself where map.qml lies beside map.tif."""
    root = ET.Element("qgis", version="3.22", styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    look = {"type": "paletted", "band": "1", "opacity": "1", "alphaBand": "-1", "nodataColor": ""}
    renderer = ET.SubElement(pipe, "rasterrenderer", look)
    ET.SubElement(renderer, "rasterTransparency")
    colours = ET.SubElement(renderer, "colorPalette")
    for one in legend:
        label = FORBIDDEN.sub("", one.name)
        ET.SubElement(colours, "paletteEntry", value=str(one.code), color=one.colour, label=label, alpha="255")
    ET.SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    ET.SubElement(pipe, "huesaturation", saturation="0", grayscaleMode="0", colorizeOn="0")
    ET.SubElement(pipe, "rasterresampler", maxOversampling="2")
    ET.SubElement(root, "blendMode").text = "0"
    return b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + _bytes(root)


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = FORBIDDEN.sub("", text)


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    return bytes(ET.tostring(root, "utf-8")) + b"\n"
