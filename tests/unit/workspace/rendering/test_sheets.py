"""Worksheets become pages: every kind of output, names that are safe, nothing that breaks the page around it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from sagews.errors import UsageError
from sagews.workspace.rendering.frames import Facts, listing_page, versions_page
from sagews.workspace.rendering.sheets import Rendered, Sheet, render

V4 = nbformat.v4
FACTS = Facts("0" * 24, 2, "", "Emmy <b>", datetime(2026, 1, 2, tzinfo=UTC), listed=True)


def sheet(*cells: Any, path: str = "Rings.ipynb") -> Sheet:
    return Sheet(path, nbformat.writes(V4.new_notebook(cells=list(cells))).encode())


def output(**data: Any) -> Any:
    bundle = {name.replace("_", "/", 1).replace("__", "+"): value for name, value in data.items()}
    return V4.new_code_cell("1", outputs=[V4.new_output("display_data", data=bundle)])


def page(rendered: Rendered, name: str = "index.html") -> str:
    return next(one.content.decode() for one in rendered.pages if one.name == name)


def shown(*cells: Any) -> BeautifulSoup:
    return BeautifulSoup(page(render([sheet(*cells)], FACTS, whole=False)), "html.parser")


def only(soup: BeautifulSoup, selector: str) -> Any:
    (found,) = soup.select(selector)
    return found


def test_text_has_its_formulas_as_they_were_written() -> None:
    soup = shown(V4.new_markdown_cell("# Rings\n\nLet $a<b$ and\n\n$$\\sum_i x_i$$"))
    assert only(soup, "h1").get_text().startswith("Rings")
    assert "$a<b$" in only(soup, "main").get_text()
    assert "$$\\sum_i x_i$$" in only(soup, "main").get_text()


def test_code_output_errors_and_colours_are_shown() -> None:
    outputs = [
        V4.new_output("stream", text="\x1b[31mred\x1b[0m <script>alert(1)</script>"),
        V4.new_output("error", ename="ValueError", evalue="no", traceback=["\x1b[31mValueError\x1b[0m: no"]),
    ]
    soup = shown(V4.new_code_cell("x = 1  # one", outputs=outputs))
    assert "x = 1" in only(soup, ".source").get_text()
    assert [one.get_text() for one in soup.select(".ansi-red-fg")] == ["red", "ValueError"]
    assert "ValueError: no" in only(soup, ".error").get_text()
    assert "alert" not in "".join(str(script) for script in soup.find_all("script"))


@pytest.mark.parametrize(
    ("data", "selector"),
    [
        ({"text_plain": "1/2", "text_latex": "$\\frac{1}{2}$"}, ".latex"),
        ({"text_plain": "x", "image_png": "aGFs\nbG8="}, 'img[src="data:image/png;base64,aGFsbG8="]'),
        (
            {"text_plain": "x", "image_svg__xml": "<svg><script>1</script></svg>"},
            'img[src^="data:image/svg+xml;base64,"]',
        ),
        ({"text_plain": "x", "text_html": "<table><tr><td>7"}, ".html > table td"),
        ({"text_plain": "only text"}, "pre.text"),
        ({"text_plain": "x", "text_markdown": "*slanted*"}, ".prose em"),
    ],
)
def test_each_output_comes_in_its_best_form(data: dict[str, str], selector: str) -> None:
    assert len(shown(output(**data)).select(f".output {selector}")) == 1


def test_a_scene_finds_three_js_below_the_published_pages() -> None:
    document = "&lt;script src=&quot;/nbextensions/threejs-sage/r122/three.min.js&quot;&gt;&lt;/script&gt;"
    frame = shown(output(text_html=f'<iframe srcdoc="{document}" height="400"></iframe>')).iframe
    assert frame is not None
    assert '"/published/assets/threejs-sage/r122/three.min.js"' in str(frame["srcdoc"])


def test_open_tags_end_with_their_output() -> None:
    soup = shown(output(text_html="<div><table><tr><td>open<style>p{"), V4.new_markdown_cell("afterwards"))
    after = next(one for one in soup.select(".cell") if one.get_text().strip() == "afterwards")
    assert [parent.name for parent in after.parents] == ["main", "body", "html", "[document]"]


def test_pictures_in_the_text_come_with_it() -> None:
    cell = V4.new_markdown_cell("![a](attachment:a.png)", attachments={"a.png": {"image/png": "aGFsbG8="}})
    assert only(shown(cell), "img")["src"] == "data:image/png;base64,aGFsbG8="


def test_a_title_is_the_first_heading_or_the_name() -> None:
    assert render([sheet(V4.new_markdown_cell("# *Knots* & `links`"))], FACTS, whole=False).title == "Knots & links"
    named = render([sheet(V4.new_code_cell("# no heading"), path="a/Knots.ipynb")], FACTS, whole=False)
    assert named.title == "Knots"
    assert "<h1>Knots</h1>" in page(named)
    assert "Emmy &lt;b&gt;" in page(named)


def test_of_a_workspace_each_worksheet_has_its_page_and_its_file() -> None:
    paths = ["index.ipynb", "a/Ringe & Körper.ipynb", "a-ringe-k-rper.ipynb", "日本.ipynb", "versions.ipynb"]
    facts = Facts(**{**vars(FACTS), "title": "Algebra"})
    rendered = render([sheet(path=path) for path in paths], facts, whole=True)
    names = [one.name for one in rendered.pages]
    assert len(set(names)) == len(names) == 2 * len(paths) + 1
    assert [one.source for one in rendered.pages if one.source] == paths
    links = BeautifulSoup(page(rendered), "html.parser").select(".entries a")
    assert {str(link["href"]) for link in links} == {name for name in names if name.endswith(".html")} - {"index.html"}
    assert rendered.title == "Algebra"


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5, unique=True))
def test_names_are_safe_in_addresses_whatever_files_are_called(stems: list[str]) -> None:
    rendered = render(
        [sheet(path=f"{stem}.ipynb") for stem in stems], Facts(**{**vars(FACTS), "title": "T"}), whole=True
    )
    names = [one.name for one in rendered.pages]
    assert len(set(names)) == len(names)
    assert all(set(name) <= set("0123456789abcdefghijklmnopqrstuvwxyz-.") and name[0] != "." for name in names)


@pytest.mark.parametrize("content", [b"{}", b"[1]", b"\xff", b'{"cells": 1, "nbformat": 4, "nbformat_minor": 5}'])
def test_what_is_no_worksheet_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(UsageError, match=r"Bad\.ipynb"):
        render([Sheet("Bad.ipynb", content)], FACTS, whole=False)


def test_nothing_to_publish_is_refused() -> None:
    with pytest.raises(UsageError):
        render([], FACTS, whole=True)


def test_lists_name_what_there_is_and_escape_it() -> None:
    facts = Facts(**{**vars(FACTS), "title": "<Knots>"})
    listing = BeautifulSoup(listing_page("My site", [(facts, 'about "rings" & fields')]), "html.parser")
    entry = only(listing, "#entries li")
    assert entry.a.get_text() == "<Knots>"
    assert 'about "rings" & fields' in str(entry["data-words"])
    versions = versions_page(facts, [(2, "<Knots>", FACTS.at), (1, "Old", FACTS.at)])
    addresses = [str(link["href"]) for link in BeautifulSoup(versions, "html.parser").select(".entries a")]
    assert addresses == [f"/published/{FACTS.publication}/", f"/published/{FACTS.publication}/versions/1/"]
