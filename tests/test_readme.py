"""The README is true: its commands exist, every command is in it, its files are there. `test_front_door` runs them."""

import re
import runpy
from pathlib import Path

import pytest
import typer

from pipeline import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def commands() -> dict[str, str]:
    """Every command that does something, with its help as the user sees it."""
    found: dict[str, str] = {}
    pending = [("minecover", typer.main.get_command(cli.app()))]
    while pending:
        path, command = pending.pop()
        children = getattr(command, "commands", {})
        pending += [(f"{path} {name}", child) for name, child in children.items()]
        if not children:
            found[path] = f"{command.help or ''}\n{command.epilog or ''}"
    return found


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_has_help_with_an_example(command: str) -> None:
    text = commands()[command]
    assert text.strip()
    assert f"Example: {command}" in text


def test_the_table_has_every_command_and_no_other() -> None:
    assert sorted(re.findall(r"^\| `(minecover [^`]+)` \|", README, re.MULTILINE)) == sorted(commands())


def test_files_that_the_readme_names_are_there() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        if not link.startswith("http"):
            assert (ROOT / link).is_file(), link


def test_pictures_are_small() -> None:
    pictures = [p for p in (ROOT / "docs").rglob("*.*") if p.suffix in (".png", ".jpg")]
    assert pictures
    assert all(p.stat().st_size < 300_000 for p in pictures)


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^ +make (\w[\w-]*)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_architecture_picture_is_what_its_script_draws() -> None:
    drawn = runpy.run_path(str(ROOT / "docs" / "draw_architecture.py"))["draw"]()
    assert (ROOT / "docs" / "architecture.svg").read_text("utf-8") == drawn
