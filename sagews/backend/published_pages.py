"""``/published/``: what is published, served by a backend itself (in solo, and where a machine has no nginx).

Invariant: whatever is served here comes with the policy that takes all power over the site from it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from sagews.backend.answers import Answering
from sagews.backend.pages import ClientFile
from sagews.backend.published_files import MEDIA_TYPES, PublishedFiles
from sagews.component.headers import PUBLISHED

if TYPE_CHECKING:
    from sagews.backend.collaborators import Backend


class PublishedAsset(ClientFile):
    """A file that published pages need: scripts, style, fonts, three.js."""

    def set_extra_headers(self, path: str) -> None:
        for name, value in PUBLISHED.items():
            self.set_header(name, value)


class PublishedPage(Answering):
    """A page, or a worksheet's file."""

    def initialize(self, backend: Backend) -> None:
        self.files = PublishedFiles(backend.store, backend.configuration.site.name)

    def set_default_headers(self) -> None:
        super().set_default_headers()
        for name, value in PUBLISHED.items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-cache")

    async def get(self, address: str) -> None:
        content = await self.files.find(address)
        name = address.rpartition("/")[2] or "index.html"
        self.set_header("Content-Type", MEDIA_TYPES.get(Path(name).suffix[1:], "application/octet-stream"))
        self.set_header("ETag", f'"{hashlib.sha256(content).hexdigest()[:32]}"')
        if self.check_etag_header():
            self.set_status(304)
            return
        self.write(content)

    async def head(self, address: str) -> None:
        await self.get(address)


class PublishedFolder(Answering):
    """A folder's address without its slash: on to the one with it."""

    def get(self, address: str) -> None:
        self.redirect(f"/published{address}/", status=301)
