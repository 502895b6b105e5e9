"""SiteHistory: the versions of one workspace on a site, over its HTTP API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from sagews.client.site import SiteClient


@dataclass(frozen=True)
class SiteVersion:
    """A version of a workspace."""

    id: str
    author: str
    """Name of who made it."""
    account: str
    at: int
    """Unix time in seconds."""
    message: str
    name: str
    """What somebody called it; "" = nothing."""


class SiteHistory:
    """Of one workspace. Every method raises the SagewsError that the site answers with."""

    def __init__(self, site: SiteClient, workspace: str) -> None:
        """:param workspace: its id."""
        self._site = site
        self._top = f"/api/workspaces/{quote(workspace)}"

    async def versions(self, skip: int = 0, maximum: int = 50, path: str = "") -> list[SiteVersion]:
        """The newest first; what is there now is one of them.

        :param path: only those in which this file, or something in this folder, was changed; "" = all.
        """
        query = urlencode({"skip": skip, "maximum": maximum, "path": path})
        answer = await self._site.call("GET", f"{self._top}/history?{query}")
        return [SiteVersion(**one) for one in answer["versions"]]

    async def files(self, version: str) -> list[str]:
        """The paths of a version's files."""
        answer = await self._site.call("GET", f"{self._top}/history/{quote(version)}/files")
        return [entry["path"] for entry in answer["entries"]]

    async def read(self, version: str, path: str) -> bytes:
        """A file of a version."""
        return await self._site.download(f"{self._top}/history/{quote(version)}/files/{quote(path)}")

    async def changes(self, version: str, since: str = "") -> dict[str, str]:
        """By path, `added`, `changed` or `deleted`. :param since: "" = the version before."""
        query = urlencode({"since": since})
        answer = await self._site.call("GET", f"{self._top}/history/{quote(version)}/changes?{query}")
        return {one["path"]: one["change"] for one in answer["changes"]}

    async def compare(self, version: str, path: str, since: str = "") -> dict[str, Any]:
        """How a file differs, as the API tells it (`Comparison`). :param since: "" = the version before."""
        query = urlencode({"since": since})
        answer = await self._site.call("GET", f"{self._top}/history/{quote(version)}/comparison/{quote(path)}?{query}")
        return dict(answer)

    async def name(self, version: str, name: str) -> None:
        """Call a version something; "" = nothing any more."""
        await self._site.call("PATCH", f"{self._top}/history/{quote(version)}", {"name": name})

    async def go_back(self, version: str) -> str:
        """Make the files what they were; returns the new version, "" = nothing was different."""
        return str((await self._site.call("POST", f"{self._top}/history/{quote(version)}/restore"))["version"])

    async def bundle(self) -> bytes:
        """All versions as a git bundle, which `git clone` accepts."""
        return await self._site.download(f"{self._top}/bundle")
