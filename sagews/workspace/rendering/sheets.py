"""Worksheets rendered: `.ipynb` in, the cells as HTML out, by nbconvert with our template."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from traitlets.config import Config

from sagews.errors import UsageError
from sagews.workspace.notebook import read, write
from sagews.workspace.rendering.frames import Facts, ListedSheet, sheet_page, sheets_page

FORMS = (
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "text/latex",
    "image/png",
    "image/jpeg",
    "text/plain",
)
"""Of an output, the best first: as worksheets show them."""
WORDS_KEPT = 4000
SCENES, PUBLISHED_SCENES = "/nbextensions/threejs-sage/", "/published/assets/threejs-sage/"
_HEADING = re.compile(r"^#{1,3}\s+(.+?)\s*#*$", re.MULTILINE)
_NOT_IN_NAMES = re.compile(r"[^0-9a-z]+")


@dataclass(frozen=True)
class Sheet:
    """A worksheet to be published: its path in the workspace, its file."""

    path: str
    content: bytes

    @property
    def stem(self) -> str:
        """Its name, as people see it."""
        return self.path.rpartition("/")[2].removesuffix(".ipynb")


@dataclass(frozen=True)
class Page:
    """A file of what is published; ``source``: the path of the worksheet whose file it is; "" = a page."""

    name: str
    source: str
    content: bytes


@dataclass(frozen=True)
class Rendered:
    """All files of a version, its title, and the beginning of its text."""

    title: str
    words: str
    pages: tuple[Page, ...]


def render(sheets: list[Sheet], facts: Facts, *, whole: bool) -> Rendered:
    """Make the pages of a version.

    :param facts: with a title, or with "": then that of the only worksheet is taken.
    :param whole: a list of worksheets is the first page; else the only worksheet is.
    :raises UsageError: a file is no worksheet, or there is none.
    """
    if not sheets:
        raise UsageError("There is no worksheet to publish.", mend="Make one first.")
    known = [(sheet, _read(sheet)) for sheet in sheets]
    names = _names(sheets) if whole else ["index"]
    headings = [_heading(notebook) for _, notebook in known]
    titles = [heading or sheet.stem[:200] for heading, (sheet, _) in zip(headings, known, strict=True)]
    facts = facts if facts.title else Facts(**{**vars(facts), "title": titles[0]})
    pages: list[Page] = []
    for (sheet, notebook), name, title, heading in zip(known, names, titles, headings, strict=True):
        file = f"{name}.ipynb" if whole else f"{_slug(sheet.stem) or 'worksheet'}.ipynb"
        body = cells(notebook) if heading else f"<h1>{escape(title)}</h1>\n{cells(notebook)}"
        html = sheet_page(facts, title, body, file, has_list=whole)
        pages += [Page(f"{name}.html", "", html.encode()), Page(file, sheet.path, sheet.content)]
    if whole:
        listed = [
            ListedSheet(f"{name}.html", title, sheet.path.rpartition("/")[0])
            for (sheet, _), name, title in zip(known, names, titles, strict=True)
        ]
        pages.append(Page("index.html", "", sheets_page(facts, listed).encode()))
    words = " ".join(" ".join(_texts(notebook)) for _, notebook in known)
    return Rendered(facts.title, " ".join(words.split())[:WORDS_KEPT], tuple(pages))


def cells(notebook: Any) -> str:
    """The cells of a notebook as HTML."""
    html, _ = _exporter().from_notebook_node(notebook)
    return str(html)


def _read(sheet: Sheet) -> Any:
    try:
        text = write(read(sheet.content.decode()))  # so that it is valid, whoever wrote it
    except (UnicodeDecodeError, UsageError) as error:
        raise UsageError(f"{sheet.path} is no worksheet.", mend="Mend it, or leave it out.") from error
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        for name, forms in (cell.get("attachments") or {}).items():
            for media_type, data in list(forms.items())[:1]:
                cell.source = cell.source.replace(f"attachment:{name}", f"data:{media_type};base64,{data}")
    return notebook


def _heading(notebook: Any) -> str:
    """The heading with which a worksheet begins; "" = it has none."""
    first = next((cell for cell in notebook.cells if cell.source.strip()), None)
    if first is None or first.cell_type != "markdown":
        return ""
    found = _HEADING.match(first.source.lstrip())
    return found[1].replace("*", "").replace("`", "").strip()[:200] if found else ""


def _texts(notebook: Any) -> list[str]:
    return [str(cell.source) for cell in notebook.cells]


def _names(sheets: list[Sheet]) -> list[str]:
    """Names for files, safe in every address, each different."""
    names: list[str] = []
    for sheet in sheets:
        base = _slug(sheet.path.removesuffix(".ipynb")) or "worksheet"
        base = f"{base}-sheet" if base in ("index", "versions") else base
        name, number = base, 1
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.append(name)
    return names


def _slug(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", text.lower()).strip("-")[:80]


@cache
def _exporter() -> TemplateExporter:
    config = Config({"NbConvertBase": {"display_data_priority": list(FORMS)}})
    exporter = TemplateExporter(
        config=config,
        template_name="published",
        extra_template_basedirs=[str(Path(__file__).parent)],
        file_extension=".html",
        filters={"published_html": _html, "picture": _picture, "highlighted": Highlight2HTML(pygments_lexer="python3")},
    )
    exporter.output_mimetype = "text/html"
    return exporter


def _html(html: Any) -> str:
    """HTML of an output, so that nothing in it is left open and its scenes find three.js."""
    text = _joined(html).replace(SCENES, PUBLISHED_SCENES)
    return str(BeautifulSoup(text, "html.parser"))


def _picture(data: Any, media_type: str) -> str:
    text = _joined(data)
    if media_type == "image/svg+xml":
        text = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
    return f'<img alt="Picture" src="data:{media_type};base64,{escape("".join(text.split()))}">'


def _joined(value: Any) -> str:
    return value if isinstance(value, str) else "".join(map(str, value))
