"""The browser's files, and the sign-in address.

Invariant: a page may run only scripts of the site itself; active HTML of worksheets runs in ``frame.html``, which
the policy sandboxes away from the site's origin (Content Security Policy Level 3, "sandbox").
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError, StaticFileHandler

from sagews.backend.answers import Answering
from sagews.component.headers import FOR_EVER, FRAME, FRAME_POLICY, HEADERS, is_hashed, page_policy
from sagews.errors import NotSignedIn, OverLimit, SagewsError, Unavailable

if TYPE_CHECKING:
    from sagews.backend.collaborators import Backend

_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20]*")


class ClientFile(StaticFileHandler):
    """A file of the folder in which the browser's files are built."""

    def set_default_headers(self) -> None:
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def set_extra_headers(self, path: str) -> None:
        name = Path(path).name
        self.set_header("Content-Security-Policy", FRAME_POLICY if name == FRAME else page_policy(self.request.host))
        if name == FRAME:
            self.set_header("Cross-Origin-Resource-Policy", "cross-origin")

    def get_cache_time(self, path: str, modified: datetime | None, mime_type: str) -> int:
        return 365 * 24 * 3600 if is_hashed(path) else 0

    def set_headers(self) -> None:
        super().set_headers()
        self.set_header("Cache-Control", FOR_EVER if is_hashed(self.path) else "no-cache")

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        if "\x00" in absolute_path:
            raise HTTPError(404)
        if any(part.startswith(".") for part in Path(absolute_path).relative_to(root).parts):
            raise HTTPError(404)
        return super().validate_absolute_path(root, absolute_path)

    write_json = Answering.write_json
    write_refusal = Answering.write_refusal
    write_error = Answering.write_error
    log_exception = Answering.log_exception


class Page(ClientFile):
    """One HTML file for every address of the application: the script in it shows the right page."""

    def initialize(self, backend: Backend) -> None:  # type: ignore[override]
        self.backend = backend
        super().initialize(str(backend.client_folder))

    async def get(self, *args: Any, include_body: bool = True) -> None:
        if not (self.backend.client_folder / "index.html").is_file():
            raise Unavailable("The browser's files are not built.", mend="Run `make run`, which builds them.")
        await super().get("index.html", include_body=include_body)

    async def head(self, *args: Any) -> None:
        await self.get(include_body=False)

    def set_extra_headers(self, path: str) -> None:
        addresses = self.backend.entrance.addresses(self.request.protocol, self.request.host)
        self.set_header("Content-Security-Policy", page_policy(self.request.host, addresses))


class SignInPage(Page):
    """``/sign-in``: with a token, exchanges it for a cookie and leads on; without, shows the page."""

    async def get(self, *args: Any, include_body: bool = True) -> None:
        token = self.get_query_argument("token", "")
        if not token or not include_body:
            await super().get(include_body=include_body)
            return
        self.set_header("Cache-Control", "no-store")
        try:
            await self._sign_in(token)
        except (NotSignedIn, OverLimit) as error:
            self.redirect(f"/sign-in?failed={error.code}", status=303)
            return
        self.redirect(self._next(), status=303)

    async def _sign_in(self, token: str) -> None:
        backend, address = self.backend, f"address {self.request.remote_ip}"
        backend.sign_in_rate.take(address)
        account = await backend.identity.account_of_solo_token(token)
        backend.sign_in_rate.give_back(address)
        value = await backend.identity.new_cookie(account.id, self.request.headers.get("User-Agent", "")[:200])
        self.add_header("Set-Cookie", backend.identity.cookie_header(value, secure=self.request.protocol == "https"))

    def _next(self) -> str:
        wanted = self.get_query_argument("next", "/")
        return wanted if _OWN_PATH.fullmatch(wanted) else "/"


class Nothing(Answering):
    """Every address that nothing else has."""

    def prepare(self) -> None:
        raise HTTPError(404)


class Refusing(Answering):
    """A request that comes by a name that is not this server's."""

    def initialize(self, error: SagewsError) -> None:
        self.error = error

    def prepare(self) -> None:
        self.write_refusal(self.error)
        self.finish()
