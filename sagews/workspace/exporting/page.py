"""A worksheet as one page of HTML that needs nothing else: no site, no network, no script.

Invariant: nothing in the page runs or is loaded, whatever is in the worksheet: its own content-security policy says so
(https://www.w3.org/TR/CSP3/). Formulas are MathML, pictures are in the page.
"""

from __future__ import annotations

import base64
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from latex2mathml.converter import convert
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from traitlets.config import Config

from sagews.workspace import notebook as notebooks

FORMS = ("image/svg+xml", "image/png", "image/jpeg", "text/html", "text/markdown", "text/latex", "text/plain")
"""Of an output, the best first; pictures before what may need a script."""
_FORMULA = re.compile(r"\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$]+?)\$|\\\[(?P<other>.+?)\\\]", re.DOTALL)


def page_of(text: str, title: str) -> str:
    """The page of a worksheet.

    :param text: of its `.ipynb` file.
    :raises UsageError: it is no worksheet.
    """
    node = nbformat.reads(notebooks.write(notebooks.read(text)), as_version=4)
    for cell in node.cells:
        for name, forms in (cell.get("attachments") or {}).items():
            for media_type, data in list(forms.items())[:1]:
                cell.source = cell.source.replace(f"attachment:{name}", f"data:{media_type};base64,{data}")
    resources = {"page_title": title, "style": (_HERE / "page.css").read_text()}
    html, _ = _exporter().from_notebook_node(node, resources)
    return str(html)


def mathml(formula: str, *, block: bool) -> str:
    """A LaTeX formula as MathML; one that cannot be read stands as it was written."""
    try:
        return str(convert(formula.strip(), display="block" if block else "inline"))
    except Exception:  # noqa: BLE001 - the converter does not say with what it fails, and a formula must not lose a page
        return f"<code>{escape(formula)}</code>"


class _Renderer(IPythonRenderer):  # type: ignore[misc]
    """Markdown whose formulas are MathML."""

    def block_math(self, body: str) -> str:
        return mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        return mathml(body, block=False)

    def multiline_math(self, body: str) -> str:
        return mathml(body, block=True)


_HERE = Path(__file__).parent


@cache
def _exporter() -> TemplateExporter:
    config = Config({"NbConvertBase": {"display_data_priority": list(FORMS)}})
    exporter = TemplateExporter(
        config=config,
        template_name="exported",
        extra_template_basedirs=[str(_HERE)],
        file_extension=".html",
        filters={
            "prose": _prose,
            "closed": _closed,
            "picture": _picture,
            "formulas": _formulas,
            "highlighted": Highlight2HTML(pygments_lexer="python3"),
        },
    )
    exporter.output_mimetype = "text/html"
    return exporter


def _prose(text: Any) -> str:
    return str(MarkdownWithMath(renderer=_Renderer(escape=False))(_joined(text)))


def _closed(html: Any) -> str:
    """HTML of an output, so that nothing in it is left open, and without what could not run anyway."""
    soup = BeautifulSoup(_joined(html), "html.parser")
    for element in soup.find_all(["script", "iframe", "object", "embed", "base", "meta", "link"]):
        element.decompose()
    return str(soup)


def _formulas(latex: Any) -> str:
    """What Sage shows as LaTeX: formulas between dollars, with text around them."""
    text, parts, at = _joined(latex), [], 0
    for found in _FORMULA.finditer(text):
        parts.append(escape(text[at : found.start()]))
        block = found["block"] or found["other"]
        parts.append(mathml(block or found["inline"], block=bool(block)))
        at = found.end()
    return "".join([*parts, escape(text[at:])])


def _picture(data: Any, media_type: str) -> str:
    text = _joined(data)
    if media_type == "image/svg+xml":
        text = base64.b64encode(text.encode("utf-8", "replace")).decode()
    return f'<img alt="Picture" src="data:{media_type};base64,{escape("".join(text.split()))}">'


def _joined(value: Any) -> str:
    return value if isinstance(value, str) else "".join(map(str, value))
