"""What the documents tell people to type is understood, and the settings that they name exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagews.admin.main import parser
from sagews.configuration import load
from sagews.configuration.catalogue import entries
from sagews.configuration.site import COMPONENTS
from sagews.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
OPERATORS = [ROOT / "README.md", ROOT / "docs" / "operators-guide.md", ROOT / "docs" / "database.md"]
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "configuration.md"),
]
GUIDE = ROOT / "docs" / "operators-guide.md"
SETTINGS = {entry.name for entry in entries()}
SECTIONS = {name.partition(".")[0] for name in SETTINGS if "." in name}


def spans(text: str) -> Iterator[str]:
    """Every piece of code: lines of blocks, and what stands between backticks."""
    for number, part in enumerate(re.split(r"^ *```.*\n", text, flags=re.MULTILINE)):
        if number % 2:
            yield from part.splitlines()
            continue
        yield from re.findall(r"^    (?=\S)(.+)$", part, flags=re.MULTILINE)
        yield from re.findall(r"`([^`]+)`", part)


def commands(text: str) -> Iterator[list[str]]:
    """Every command line of `sagews`, without the program's name."""
    for span in spans(text):
        line = re.sub(r"\$\((sagews [^)]*)\)", r"; \1 ;", span)
        line = re.sub(r"\$\([^)]*\)", "X", line)
        for piece in re.split(r"&&|;|\||>|\s#", line):
            found = re.search(r"(?:^\$? ?|\s|deploy/)sagews (?P<words>[a-z-].*)$", piece)
            if found:
                yield shlex.split(found["words"])


def told(text: str) -> bool:
    """Whether a line is what the program says, and not what is typed."""
    return bool(re.match(r"sagews (has|is|on|needs|runs|cannot)\b", text))


def pages_and_commands() -> list[tuple[str, list[str]]]:
    found = [(page.name, words) for page in PAGES for words in commands(page.read_text())]
    unique = {(name, *words): (name, words) for name, words in found if not told("sagews " + " ".join(words))}
    return list(unique.values())


@pytest.mark.parametrize(("page", "words"), pages_and_commands(), ids=lambda value: str(value)[:70])
def test_a_command_is_understood(page: str, words: list[str]) -> None:
    try:
        parsed = parser().parse_args([word for word in words if word != "--help"])
    except UsageError as error:
        if "required" not in error.what:  # else it is only named, as `sagews init`
            raise
        return
    for word in getattr(parsed, "which", []) if isinstance(getattr(parsed, "which", None), list) else []:
        assert word.partition(":")[0] in (*COMPONENTS, "all"), f"{page} names the component {word}"


def test_the_guide_has_commands() -> None:
    assert len(list(commands(GUIDE.read_text()))) > 50


@pytest.mark.parametrize("page", OPERATORS, ids=lambda page: page.name)
def test_settings_exist(page: Path) -> None:
    named = {
        span for span in spans(page.read_text()) if re.fullmatch(rf"({'|'.join(SECTIONS)})(\.[a-z][a-z_]*)+", span)
    }
    unknown = named - SETTINGS - {name for name in named if any(one.startswith(f"{name}.") for one in SETTINGS)}
    assert not unknown


@pytest.mark.parametrize(
    "block",
    re.findall(r"```toml\n(.*?)```", re.sub(r"^   (?=\S)", "", GUIDE.read_text(), flags=re.MULTILINE), flags=re.DOTALL),
)
def test_pieces_of_configuration_are_right(block: str, tmp_path: Path) -> None:
    file = tmp_path / "sagews.toml"
    file.write_text(re.sub(r"^(\[site\]\n|\Z)", r'[site]\nprofile = "site"\n', block, count=1, flags=re.MULTILINE))
    load(file, {})


def test_anchors_of_the_guide() -> None:
    text = GUIDE.read_text()
    headings = re.findall(r"^#{2,3} (.+)$", text, flags=re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
