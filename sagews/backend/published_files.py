"""What is published, by its address: for whoever lays it out as files, and for backends that serve it themselves.

Addresses below ``/published/``::

    index.html                       all that is listed
    ID/index.html, ID/NAME           the version that is shown
    ID/versions.html                 all versions
    ID/versions/NUMBER/NAME          each version
"""

from __future__ import annotations

import re

from sagews.database.publications import Publication
from sagews.database.store import Store
from sagews.errors import NotFound
from sagews.workspace.rendering.frames import Facts, listing_page, versions_page

FIRST = "index.html"
MOST_LISTED = 2000
_ADDRESS = re.compile(r"(?P<id>[0-9a-f]{24})/(?:versions/(?P<version>[1-9][0-9]{0,8})/)?(?P<name>[0-9a-z.-]{0,100})")
MEDIA_TYPES = {"html": "text/html; charset=utf-8", "ipynb": "application/x-ipynb+json"}


class PublishedFiles:
    """Reads them from the database."""

    def __init__(self, store: Store, site: str) -> None:
        """:param site: its name."""
        self._store = store
        self._site = site

    async def find(self, address: str) -> bytes:
        """The file of an address, without the leading ``/published/``.

        :raises NotFound: there is none, or it is withdrawn.
        """
        if address in ("", FIRST):
            return await self.listing()
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise NotFound("There is nothing at this address.", mend="It may have been withdrawn.")
        publication = await self._store.publications.get(match["id"])
        if publication.withdrawn is not None:
            raise NotFound("This was withdrawn by its author.", mend="Ask them.")
        name = match["name"] or FIRST
        if name == "versions.html" and not match["version"]:
            return await self.versions(publication)
        version = int(match["version"] or publication.version)
        return (await self._store.publications.page(publication.id, version, name)).content

    async def all_of(self, publication: Publication) -> dict[str, bytes]:
        """Every file of a publication, by its address below ``ID/``."""
        files = {"versions.html": await self.versions(publication)}
        for one in await self._store.publications.versions(publication.id):
            for page in await self._store.publications.pages(publication.id, one.version):
                files[f"versions/{one.version}/{page.name}"] = page.content
                if one.version == publication.version:
                    files[page.name] = page.content
        return files

    async def listing(self) -> bytes:
        """The page of all that is listed."""
        found = await self._store.publications.listed(at_most=MOST_LISTED)
        return listing_page(self._site, [(facts_of(one), one.words) for one in found]).encode()

    async def versions(self, publication: Publication) -> bytes:
        """The page of a publication's versions."""
        found = await self._store.publications.versions(publication.id)
        return versions_page(facts_of(publication), [(one.version, one.title, one.at) for one in found]).encode()


def facts_of(publication: Publication) -> Facts:
    """What pages say about the version that is shown."""
    return Facts(
        publication=publication.id,
        version=publication.version,
        title=publication.title,
        author=publication.author,
        at=publication.changed,
        listed=publication.listed,
    )
