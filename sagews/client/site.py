"""SiteClient: everything that a program can do on a site, over its HTTP API and its websocket::

    async with SiteClient("http://127.0.0.1:8765", token) as site:
        session = await site.open_session("sage")
        print((await session.evaluate("factor(2^64+1)")).text)

A site may have several addresses, one for each load balancer: when one does not answer, the next one is used.
The frames are those that a backend says to a worker, so `Channel` and `WorkerSession` serve here too.
"""

from __future__ import annotations

import json
import logging
import secrets
import ssl
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders
from tornado.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError

from sagews.client.connecting import NotConnected, http_client
from sagews.client.origins import Origins
from sagews.client.refusals import error_of
from sagews.client.site_files import SiteFiles
from sagews.client.site_link import GREETING_SECONDS, over_site, unreachable
from sagews.client.worker import WorkerClient
from sagews.client.worker_session import WorkerSession
from sagews.errors import SagewsError, UsageError
from sagews.messages.connection import Refused

log = logging.getLogger(__name__)

REQUEST_SECONDS = 60.0
LARGEST_OUTPUT_BYTES = 2**40
"""Of one run: what a site may be configured to keep (`worker.session.output_megabytes`)."""
OUTPUT_SECONDS = 3600.0
REPEATABLE = frozenset({"GET", "HEAD", "PUT"})
"""Methods that may be asked for again where no answer came (RFC 9110, section 9.2.2)."""
NOBODY_BEHIND = (502, 503, 504)
NO_ANSWER = (OSError, ValueError, HTTPTimeoutError, HTTPStreamClosedError)


class SiteClient:
    """One account on one site."""

    def __init__(self, url: str | Sequence[str], token: str, *, authority: Path | None = None) -> None:
        """
        :param url: where the site is: ``http://127.0.0.1:8765``; or several, the best first.
        :param token: an API token, or the one of the address that a solo site printed.
        :param authority: certificate of the site's own authority, where its public certificate is of that one.
        """
        self.origins = Origins(url)
        self._token = token
        self._context = None if authority is None else ssl.create_default_context(cafile=str(authority))
        self._http = http_client(LARGEST_OUTPUT_BYTES)
        self._live: WorkerClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._live is not None:
            await self._live.close()
        self._http.close()

    @property
    def url(self) -> str:
        """The address that is used now."""
        return self.origins.current

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the HTTP API and return the JSON of its answer; None where it has none.

        :param path: with its leading slash: ``/api/workspaces``.
        What changes something is sent again, to another address, only where the first one took no connection.

        :raises SagewsError: the one that the site answers with; Unavailable where it does not answer.
        """
        data = None if body is None else json.dumps(body)
        response = await self._fetch(method, path, data)
        return json.loads(response.body) if response.body else None

    async def output(self, workspace: str, run: str) -> bytes:
        """All text that a run wrote, also what was not told because there was too much of it."""
        return await self.download(f"/api/workspaces/{quote(workspace)}/runs/{quote(run)}/output")

    async def download(self, path: str) -> bytes:
        """The bytes that an address of the HTTP API sends.

        :param path: with its leading slash.
        :raises SagewsError: the one that the site answers with; Unavailable where it does not answer.
        """
        response = await self._fetch("GET", path, None, OUTPUT_SECONDS)
        return bytes(response.body)

    def files(self, workspace: str) -> SiteFiles:
        """The files of the workspace with this id."""

        async def fetch(method: str, path: str, body: bytes | None) -> bytes:
            return bytes((await self._fetch(method, path, body, OUTPUT_SECONDS)).body)

        return SiteFiles(fetch, workspace)

    async def live(self) -> WorkerClient:
        """The connection on which workspaces are followed; it is made again when it is lost.

        Of each workspace it carries one channel at a time (a backend names the workspace, not the channel): a second
        follower needs a `SiteClient` of its own.

        :raises SagewsError: where the site does not answer, or refuses us.
        """
        if self._live is None:
            connection = WorkerClient(over_site(self.origins, self._token, self._context))
            await connection.connect()
            self._live = connection
        return self._live

    async def open_session(self, environment: str = "") -> WorkerSession:
        """A new session in a scratch workspace of its own, which is deleted when the session is closed.

        :param environment: one of the site's; "" = its first.
        """
        live = await self.live()
        workspace = await self.make_scratch_workspace()
        return await live.begin_session(environment, workspace, lambda: self.delete_workspace(workspace))

    async def make_scratch_workspace(self) -> str:
        """A workspace that is thrown away when it closes; returns its id."""
        name = f"script {secrets.token_hex(6)}"
        return str((await self.call("POST", "/api/workspaces", {"name": name, "kind": "scratch"}))["id"])

    async def delete_workspace(self, workspace: str) -> None:
        """Delete a workspace; its sessions end."""
        await self.call("DELETE", f"/api/workspaces/{quote(workspace)}")

    async def _fetch(self, method: str, path: str, data: str | bytes | None, seconds: float = REQUEST_SECONDS) -> HTTPResponse:
        *others, last = self.origins.in_turn()
        for origin in others:
            try:
                return await self._fetch_from(origin, method, path, data, seconds)
            except Exception as error:
                if not _may_go_elsewhere(error, method):
                    raise _error_of(origin, error) from error
                self.origins.leave(origin)
        try:
            return await self._fetch_from(last, method, path, data, seconds)
        except Exception as error:
            raise _error_of(last, error) from error

    async def _fetch_from(self, origin: str, method: str, path: str, data: str | bytes | None, seconds: float) -> HTTPResponse:
        headers = HTTPHeaders({"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"})
        request = HTTPRequest(
            origin + path,
            method=method,
            headers=headers,
            body=data,
            connect_timeout=GREETING_SECONDS,
            request_timeout=seconds,
            allow_nonstandard_methods=True,
            ssl_options=self._context,
        )
        return await self._http.fetch(request)


def _may_go_elsewhere(error: Exception, method: str) -> bool:
    """Whether a request that failed so may be sent to another address: nobody has done it, or it may be done twice."""
    if isinstance(error, NotConnected):
        return True
    if method not in REPEATABLE:
        return False
    if isinstance(error, HTTPClientError) and not isinstance(error, NO_ANSWER):
        return error.code in NOBODY_BEHIND
    return isinstance(error, NO_ANSWER)


def _error_of(url: str, error: Exception) -> Exception:
    """As a program hears of it; a mistake of ours stays what it is."""
    if isinstance(error, NO_ANSWER):
        return unreachable(url, error)
    return _refusal(url, error) if isinstance(error, HTTPClientError) else error


def _refusal(url: str, error: HTTPClientError) -> SagewsError:
    """The error that an answer of the HTTP API tells of."""
    try:
        told = json.loads(error.response.body)["error"] if error.response is not None else {}
        return error_of(Refused(told["code"], told["what"], told["what_to_do"]))
    except (ValueError, KeyError, TypeError):
        return UsageError(f"{url} answers {error.code} {error.message}.", mend="Is this the address of a sagews site?")
