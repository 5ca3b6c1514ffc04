"""A hook of mkdocs: links to files outside docs/ become the names of these files, since the site does not have them."""

import re
from typing import Any

OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\(\.\./([^)]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page's text without links that lead out of docs/."""
    return OUTSIDE.sub(lambda m: f"`{m[2]}`" if m[1].strip("`") == m[2] else f"{m[1]} (`{m[2]}`)", markdown)
