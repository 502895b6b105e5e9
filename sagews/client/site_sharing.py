"""What a program does about people on a site: sharing, its own account, publishing::

    async with SiteClient(url, token) as site:
        await SiteSharing(site, workspace).add("ada@example.org", "collaborator")
        page = await SitePublications(site).publish(workspace, "Knots.ipynb", listed=True)
        print(site.url + page["address"])

Answers are the JSON that the OpenAPI description declares.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sagews.client.site import SiteClient

Answer = dict[str, Any]


class SiteSharing:
    """Who has access to one workspace."""

    def __init__(self, site: SiteClient, workspace: str) -> None:
        self._site = site
        self._place = f"/api/workspaces/{quote(workspace, safe='')}"

    async def members(self) -> list[Answer]:
        """Accounts (`account`, `name`) and their `role`."""
        found: list[Answer] = (await self._site.call("GET", f"{self._place}/permissions"))["permissions"]
        return found

    async def add(self, name: str, role: str) -> Answer:
        """Share with whoever signs in by this name (`member`), or invite that mail address (`invited`).

        :param role: ``owner``, ``collaborator`` or ``reader``.
        :raises NotFound: nobody signs in by it, and it is no address.
        """
        return await self._post("members", {"name": name, "role": role})

    async def change(self, account: str, role: str | None) -> None:
        """Give another role; None takes it away."""
        await self._site.call("PATCH", f"{self._place}/permissions", {"account": account, "role": role})

    async def invite(self, role: str, *, address: str = "", uses: int | None = 1) -> Answer:
        """A link (`link`) for others, told this once.

        :param uses: how many may use it; None = any number.
        """
        return await self._post("invitations", {"role": role, "address": address, "uses": uses})

    async def invitations(self) -> list[Answer]:
        """Those that are good, the newest first."""
        found: list[Answer] = (await self._site.call("GET", f"{self._place}/invitations"))["invitations"]
        return found

    async def take_back(self, invitation: str) -> None:
        """Make an invitation useless; repeatable."""
        await self._site.call("DELETE", f"{self._place}/invitations/{quote(invitation, safe='')}")

    async def transfer(self, account: str) -> None:
        """Make another member the owner."""
        await self._post("transfer", {"account": account})

    async def leave(self) -> None:
        """Give one's own role up."""
        await self._post("leave", None)

    async def _post(self, what: str, body: object) -> Answer:
        answer: Answer = await self._site.call("POST", f"{self._place}/{what}", body)
        return answer


class SiteAccount:
    """One's own account."""

    def __init__(self, site: SiteClient) -> None:
        self._site = site

    async def show(self) -> Answer:
        """Its limits, and what is used of them."""
        answer: Answer = await self._site.call("GET", "/api/me/account")
        return answer

    async def accept(self, secret: str) -> Answer | None:
        """Accept an invitation; the workspace.

        :param secret: what stands behind the # of its link.
        """
        answer: Answer | None = (await self._site.call("POST", "/api/invitations/accept", {"secret": secret}))["workspace"]
        return answer

    async def change_password(self, old: str, new: str) -> None:
        """API tokens stay good; every browser has to sign in again."""
        await self._site.call("POST", "/api/me/password", {"old": old, "new": new})

    async def delete(self, password: str, workspaces: dict[str, str | None]) -> None:
        """Delete the account and all that is its own, for good.

        :param workspaces: for each that others share, the account that gets it; None = it goes too.
        """
        await self._site.call("POST", "/api/me/delete", {"password": password, "workspaces": workspaces})


class SitePublications:
    """Publishing, and what is published."""

    def __init__(self, site: SiteClient) -> None:
        self._site = site

    async def find(self, text: str = "") -> list[Answer]:
        """Search what is listed, by words."""
        found: list[Answer] = (await self._site.call("GET", f"/api/publications?text={quote(text)}"))["publications"]
        return found

    async def own(self) -> list[Answer]:
        """What one has published."""
        found: list[Answer] = (await self._site.call("GET", "/api/me/publications"))["publications"]
        return found

    async def publish(self, workspace: str, path: str, *, listed: bool) -> Answer:
        """Publish a worksheet by its file as it is now.

        :param path: of the worksheet; "" = all those of the workspace.
        """
        place = f"/api/workspaces/{quote(workspace, safe='')}/publications"
        answer: Answer = await self._site.call("POST", place, {"path": path, "listed": listed})
        return answer

    async def publish_again(self, publication: str) -> Answer:
        """Publish it as it is now; the versions before are kept."""
        answer: Answer = await self._site.call("POST", f"{_place(publication)}/versions")
        return answer

    async def change(self, publication: str, **changes: bool) -> Answer:
        """:param changes: ``listed``, ``withdrawn``."""
        answer: Answer = await self._site.call("PATCH", _place(publication), changes)
        return answer

    async def delete(self, publication: str) -> None:
        """Delete it with all its versions, for good."""
        await self._site.call("DELETE", _place(publication))

    async def copy(self, publication: str, name: str = "") -> Answer:
        """Copy its worksheets into a new workspace, which is the answer; "" = named by the title."""
        answer: Answer = await self._site.call("POST", f"{_place(publication)}/copy", {"name": name})
        return answer


def _place(publication: str) -> str:
    return f"/api/publications/{quote(publication, safe='')}"
