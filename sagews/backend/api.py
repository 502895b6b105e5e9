"""The request handler of every operation under ``/api/``: checks the request by its declaration, then calls it.

Invariant: a function is called only with a request that its declaration allows. A request that changes something
and shows who it is by a cookie must come from a page of the site itself: it has the header ``X-Sagews``, which
no page of another site can send (Fetch standard, "CORS-safelisted request-header"), and no foreign `Origin`. Pages
that came by another address of the site may ask here too, and hear the answers (Fetch standard, "CORS protocol").
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from pydantic import ValidationError
from tornado.iostream import StreamClosedError
from tornado.web import stream_request_body

from sagews.backend.answers import Answering, error_of_status
from sagews.backend.call import Call, Download
from sagews.backend.collaborators import Backend
from sagews.backend.declaration import JSON_BODY_BYTES, Operation
from sagews.backend.identity import Who
from sagews.backend.intake import Intake
from sagews.errors import MessageError, NotAllowed, NotSignedIn, SagewsError, TooLarge, UsageError
from sagews.messages.files import too_large

log = logging.getLogger(__name__)

SAFE = frozenset({"GET", "HEAD"})
OWN_HEADER = "X-Sagews"
PREFLIGHT_SECONDS = 600
DRAINED_BYTES = 8 * 2**20
"""So much of a body that is too large is read and thrown away, so that the client hears why."""


@stream_request_body
class Api(Answering):
    """One path of the API, with its operations by method."""

    def initialize(self, backend: Backend, operations: dict[str, Operation]) -> None:
        self.backend = backend
        self.operations = operations
        self._intake = Intake()
        self._refusal: SagewsError | None = None
        self._task: asyncio.Task[None] | None = None

    # -- pages that came by another address of the site

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.add_header("Vary", "Origin")
        if self._is_from_another_address:
            self.set_header("Access-Control-Allow-Origin", self._header("Origin"))
            self.set_header("Access-Control-Allow-Credentials", "true")
            self.set_header("Access-Control-Expose-Headers", "Content-Disposition, Retry-After")

    def options(self, **path: str) -> None:
        self.set_status(204)
        self.clear_header("Content-Type")
        if not self._is_from_another_address:
            raise _Status(405)
        self.set_header("Access-Control-Allow-Methods", ", ".join(sorted(self.operations)))
        self.set_header("Access-Control-Allow-Headers", f"Authorization, Content-Type, {OWN_HEADER}")
        self.set_header("Access-Control-Max-Age", str(PREFLIGHT_SECONDS))

    @property
    def _is_from_another_address(self) -> bool:
        origin = self._header("Origin")
        if not origin or urlsplit(origin).netloc == self.request.host:
            return False
        backend: Backend = self.settings["backend"]
        return backend.entrance.is_own_origin(origin)

    # -- the request arrives

    async def prepare(self) -> None:
        if self.request.method == "OPTIONS" and self._is_from_another_address:
            self._intake.discard()
            return
        try:
            await self._prepare()
        except SagewsError as error:
            self._refusal = error
            self._intake.discard()
            self._drain()

    async def _prepare(self) -> None:
        operation = self.operations.get(self.request.method or "")
        if operation is None:
            raise _Status(405)
        call = Call(
            self.backend,
            self.path_kwargs,
            self.request.remote_ip or "",
            self._header("User-Agent"),
            protocol=self.request.protocol,
            host=self.request.host,
        )
        address = f"address {call.remote_ip}"
        self.backend.request_rate.check(address)
        call.who_or_nobody = await self._identify(operation, address)
        who = call.who_or_nobody
        self.backend.request_rate.take(f"account {who.account.id}" if who else address)
        call.given_query = self._read_query(operation)
        self._limit_body(operation, call)
        if operation.takes_file:
            call.pieces = self._intake.pieces()
            self._task = asyncio.create_task(self._run(operation, call))
        self._operation, self._call = operation, call

    def data_received(self, chunk: bytes) -> Any:
        return self._intake.put(chunk)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._intake.break_off()
        if self._task is not None:
            self._task.cancel()

    # -- the answer

    async def _answer(self, **path: str) -> None:
        if self._refusal is not None:
            raise self._refusal
        self._intake.end()
        if self._task is None:
            self._call.given_body = self._read_body(self._operation)
            self._task = asyncio.create_task(self._run(self._operation, self._call))
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._intake.broken:
                raise

    get = post = put = patch = delete = _answer

    async def _run(self, operation: Operation, call: Call) -> None:
        try:
            result = await operation.handler(call)
        finally:
            self._intake.discard()
        for name, value in call.headers.items():
            self.set_header(name, value)
        if call.new_cookie is not None:
            secure = self.request.protocol == "https"
            self.add_header("Set-Cookie", self.backend.identity.cookie_header(call.new_cookie, secure=secure))
        if isinstance(result, Download):
            await self._send(result)
        elif result is None:
            self.set_status(operation.status if operation.status != 200 else 204)
            self.clear_header("Content-Type")
        else:
            self.write_json(result.model_dump(mode="json"), operation.status)

    async def _send(self, download: Download) -> None:
        self.set_header("Content-Type", download.media_type)
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(download.file_name, safe='')}")
        if download.size >= 0:
            self.set_header("Content-Length", str(download.size))
        try:
            async with aclosing(download.pieces) as pieces:
                async for piece in pieces:
                    self.write(piece)
                    await self.flush()
        except StreamClosedError:
            log.info("Reader went away", extra={"action": "download_broken_off", "path": self.request.path})
        except SagewsError:
            # The status is sent already where a piece was: only a broken connection tells that this is not all.
            if not self._headers_written:
                raise
            log.warning("Download failed", exc_info=True, extra={"action": "download_failed"})
            self.request.connection.stream.close()  # type: ignore[union-attr]

    def write_refusal(self, error: SagewsError, status: int | None = None) -> None:
        super().write_refusal(error, status)
        if self.get_status() == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(sorted(self.operations)))

    # -- checks

    async def _identify(self, operation: Operation, address: str) -> Who | None:
        authorization = self._header("Authorization")
        if not authorization and self.request.method not in SAFE:
            self._refuse_foreign_page()
        cookies = {name: morsel.value for name, morsel in self.cookies.items()}
        try:
            return await self.backend.identity.of_headers(authorization, cookies)
        except NotSignedIn:
            if operation.open_to_all:
                return None
            self.backend.request_rate.count(address)
            raise

    def _refuse_foreign_page(self) -> None:
        origin = self._header("Origin")
        if origin and not self.backend.entrance.is_own_page(origin, self.request.host):
            raise NotAllowed("The request comes from a page of another site.", mend="Open this site's own page.")
        if not self._header(OWN_HEADER):
            raise NotAllowed(
                f"The header {OWN_HEADER} is missing.", mend=f"Send `{OWN_HEADER}: 1`, or sign in by a bearer token."
            )

    def _limit_body(self, operation: Operation, call: Call) -> None:
        limit = self.backend.configuration.backend.maximum_upload_bytes if operation.takes_file else JSON_BODY_BYTES
        call.size = self._length()
        if "Transfer-Encoding" in self.request.headers:
            call.size = -1
            if operation.takes_file:
                raise _Status(411)
        if call.size > limit and "path" in call.path:
            raise too_large(call.path["path"], call.size, limit)
        if call.size > limit:
            raise TooLarge(f"The body has {call.size} bytes; {limit} are allowed.", mend="Send less.")
        self._intake.limit(limit, keeps=not operation.takes_file)
        self.request.connection.set_max_body_size(limit + DRAINED_BYTES)  # type: ignore[union-attr]

    def _drain(self) -> None:
        self.request.connection.set_max_body_size(  # type: ignore[union-attr]
            self.backend.configuration.backend.maximum_upload_bytes + DRAINED_BYTES
        )
        if self._length() > DRAINED_BYTES and self._refusal is not None:
            self.write_refusal(self._refusal)
            self.finish()

    def _read_query(self, operation: Operation) -> Any:
        if operation.query is None:
            return None
        values = {}
        for name, given in self.request.query_arguments.items():
            if len(given) > 1 and name in operation.query.model_fields:
                raise UsageError(f"The parameter {name!r} is there twice.")
            values[name] = self.decode_argument(given[0], name)
        try:
            return operation.query.model_validate(values)
        except ValidationError as error:
            _refuse_values(error, "the address")

    def _read_body(self, operation: Operation) -> Any:
        if operation.body is None:
            return None
        media_type = self._header("Content-Type").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise _Status(415)
        try:
            return operation.body.model_validate_json(self._intake.kept(), strict=True)
        except ValidationError as error:
            _refuse_values(error, "the body")

    def _length(self) -> int:
        length = self._header("Content-Length")
        return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0

    def _header(self, name: str) -> str:
        return self.request.headers.get(name, "")


class _Status(SagewsError):
    """An error that HTTP has a status for, and the tree of errors has not."""

    def __init__(self, status: int) -> None:
        error = error_of_status(status)
        super().__init__(error.what, mend=error.what_to_do)
        self.code = error.code  # type: ignore[misc]
        self.status = status  # type: ignore[misc]


def _refuse_values(error: ValidationError, where: str) -> NoReturn:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    kind = MessageError if first["type"] == "json_invalid" else UsageError
    raise kind(f"In {where}, {place or 'all of it'}: {first['msg']}.") from error
