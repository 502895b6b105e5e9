"""Promises: browsers get the client's files, small and for ever where their name says so, and nothing else."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from sagews.component.browser_files import CLIENT_FILES
from sagews.component.headers import FRAME_POLICY, HEADERS, PUBLISHED
from sagews.component.supervision import Supervision
from sagews.configuration import Configuration, Site
from sagews.configuration.components import StaticServer as Settings
from sagews.staticserver.component import StaticServer
from tests.logwatch import Expectation
from tests.servers import USER, Kept, site_folder

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.nginx,
    pytest.mark.skipif(not (CLIENT_FILES / "manifest.json").exists(), reason="the browser's files are not built"),
]


class Served:
    """An nginx, and what it answers."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(hosts=("localhost",), port=0, user=USER)
        self.folder = folder
        self.configuration = Configuration(data_folder=folder, site=Site(profile="site"), staticserver=settings)
        self.nginx = Kept(StaticServer(self.configuration, folder / "sagews.toml", Supervision(self.configuration, ())))

    async def get(self, path: str, method: str = "GET", *, body: str | None = None, **headers: str) -> HTTPResponse:
        client = AsyncHTTPClient(force_instance=True)
        sent: dict[str, Any] = {
            "body": body,
            "headers": headers,
            "decompress_response": False,
            "allow_nonstandard_methods": True,
        }
        try:
            address = f"http://127.0.0.1:{self.nginx.port}{path}"
            return await client.fetch(address, method=method, raise_error=False, **sent)
        finally:
            client.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Served]:
    async with AsyncExitStack() as stack:
        one = Served(stack.enter_context(site_folder()))
        stack.push_async_callback(one.nginx.stop)
        await one.nginx.start()
        yield one


def script() -> str:
    name: str = json.loads((CLIENT_FILES / "manifest.json").read_text())["script"]
    return name


async def test_a_file_that_is_named_by_its_content_is_kept_for_ever_and_comes_compressed(served: Served) -> None:
    answer = await served.get(f"/static/{script()}", **{"Accept-Encoding": "gzip"})
    assert answer.code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == (CLIENT_FILES / script()).read_bytes()
    assert "Accept-Encoding" in answer.headers["Vary"]


async def test_other_files_are_asked_for_again_and_not_sent_again(served: Served) -> None:
    first = await served.get("/static/index.html")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await served.get("/static/index.html", **{"If-None-Match": first.headers["ETag"]})
    assert again.code == 304


async def test_what_is_published_is_given_without_anybody_else_and_without_power(served: Served) -> None:
    folder = served.folder / "published"
    for name in ("index.html", f"{'0' * 24}/index.html", f"{'0' * 24}/rings.ipynb", f"{'0' * 24}/.state.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("published")
    for address in ("/published/", f"/published/{'0' * 24}/", f"/published/{'0' * 24}/rings.ipynb"):
        answer = await served.get(address)
        assert (answer.code, answer.body) == (200, b"published")
        for name, value in PUBLISHED.items():
            assert answer.headers.get_list(name) == [value]
    assert (await served.get(f"/published/{'0' * 24}/")).headers["Content-Type"] == "text/html; charset=utf-8"
    assert (await served.get(f"/published/{'0' * 24}/.state.json")).code == 404
    script = await served.get("/published/assets/published.js")
    assert script.code == 200
    assert script.headers["Access-Control-Allow-Origin"] == "*"


async def test_headers_are_those_that_backends_send(served: Served) -> None:
    answer = await served.get("/static/index.html")
    for name, value in HEADERS.items():
        assert name == "Server" or answer.headers.get_list(name) == [value]
    assert answer.headers["Server"] == "nginx"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert "https://localhost:8443 wss://localhost:8443" in answer.headers["Content-Security-Policy"]
    frame = await served.get("/static/frame.html")
    assert frame.headers.get_list("Content-Security-Policy") == [FRAME_POLICY]
    assert frame.headers.get_list("Cross-Origin-Resource-Policy") == ["cross-origin"]


async def test_the_icon_and_the_files_of_scenes_are_there(served: Served) -> None:
    icon = await served.get("/favicon.svg")
    assert (icon.code, icon.headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    scene = await served.get("/nbextensions/threejs-sage/r122/three.min.js")
    assert scene.code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/.secret",
        "/static/../../nginx.conf",
        "/static/%2e%2e/%2e%2e/nginx.conf",
        "/static/app/",
        "/static/link",
        "/published/link/passwd",
        "/published/../sagews.toml",
        "/nginx.conf",
        "/",
    ],
)
async def test_nothing_else_can_be_had(served: Served, path: str) -> None:
    files = served.nginx.component.state_folder(served.nginx.instance) / "files" / "static"
    (files / ".secret").write_text("secret")
    for link, target in ((files / "link", "/etc/passwd"), (served.folder / "published" / "link", "/etc")):
        if not link.is_symlink():
            link.symlink_to(target)
    (served.folder / "sagews.toml").write_text("secret")
    answer = await served.get(path)
    assert answer.code in (400, 404)
    assert answer.code == 400 or json.loads(answer.body)["error"]["code"] == "not_found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_can_be_changed(served: Served, method: str) -> None:
    assert (await served.get("/static/index.html", method, body="")).code == 405


async def test_published_pages_have_no_power_over_the_site(served: Served) -> None:
    page = served.folder / "published" / "a" / "index.html"
    page.parent.mkdir(mode=0o755)
    page.write_text("<script>alert(1)</script>")
    page.chmod(0o644)
    answer = await served.get("/published/a/")
    assert answer.code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy


async def test_a_reload_serves_what_is_new_and_keeps_what_old_pages_ask_for(served: Served) -> None:
    files = served.nginx.component.state_folder(served.nginx.instance) / "files" / "static"
    (files / "app" / "main-0LDHASH0.js").write_text("old")
    (files / "gone.txt").write_text("gone")
    await served.nginx.reload()
    assert (await served.get("/static/app/main-0LDHASH0.js")).body == b"old"
    assert (await served.get("/static/gone.txt")).code == 404


async def test_a_new_one_starts_where_the_master_was_killed_and_its_workers_live_on(
    served: Served, expected_log: Callable[[str, str], Expectation]
) -> None:
    expected_log("sagews.staticserver", "nginx without a master ended")
    await served.nginx.kill()
    await served.nginx.start()
    assert (await served.get("/static/index.html")).code == 200


async def test_it_stops_when_it_is_told_to(served: Served) -> None:
    assert await served.nginx.stop() == 0
