"""What is around published worksheets: a page's head and bar; lists of worksheets, of versions, of everything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

WORDS_LISTED = 600
"""Characters of each entry's text that the list of everything can be searched for."""


@dataclass(frozen=True)
class Facts:
    """What pages say about a version."""

    publication: str
    version: int
    title: str
    author: str
    at: datetime
    listed: bool

    @property
    def shown(self) -> dict[str, Any]:
        """By the names of the templates."""
        return asdict(self) | {"day": day(self.at)}


@dataclass(frozen=True)
class ListedSheet:
    """One worksheet of several: the name of its page."""

    name: str
    title: str
    folder: str


def day(moment: datetime) -> str:
    """As people write it."""
    return f"{moment.day} {moment:%B %Y}"


def sheet_page(facts: Facts, title: str, cells: str, file: str, *, has_list: bool) -> str:
    """The page of one worksheet.

    :param cells: HTML.
    :param file: name of the worksheet's own file.
    :param has_list: it is one of several; `facts.title` is the title of all.
    """
    shown = facts.shown | {"whole": facts.title, "title": title}
    return _render("sheet.html.j2", **shown, cells=Markup(cells), file=file, has_list=has_list)


def sheets_page(facts: Facts, sheets: Iterable[ListedSheet]) -> str:
    """The page that lists the worksheets of a workspace."""
    return _render("sheets.html.j2", **facts.shown, sheets=list(sheets))


def versions_page(facts: Facts, versions: Iterable[tuple[int, str, datetime]]) -> str:
    """The page that lists the versions: number, title and time of each, the newest (which is shown) first."""
    rows = [
        {
            "version": number,
            "title": title,
            "day": day(at),
            "address": f"/published/{facts.publication}/" + ("" if place == 0 else f"versions/{number}/"),
        }
        for place, (number, title, at) in enumerate(versions)
    ]
    return _render("versions.html.j2", **facts.shown, versions=rows)


def listing_page(site: str, entries: Iterable[tuple[Facts, str]]) -> str:
    """The page of all that is listed: of each what is known, and the beginning of its text."""
    rows = [
        facts.shown | {"words": f"{facts.title} {facts.author} {words[:WORDS_LISTED]}".lower()}
        for facts, words in entries
    ]
    return _render("listing.html.j2", title=f"Published on {site}", site=site, listed=True, entries=rows)


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
