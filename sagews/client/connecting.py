"""An HTTP client that tells a request that nobody got from one that somebody may have done."""

from __future__ import annotations

from typing import Any

from tornado.iostream import IOStream
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.tcpclient import TCPClient


class NotConnected(ConnectionError):
    """There was no connection, so nothing was sent."""


class _Connecting(TCPClient):
    async def connect(self, *args: Any, **more: Any) -> IOStream:
        try:
            return await super().connect(*args, **more)
        except OSError as error:
            raise NotConnected(getattr(error, "strerror", None) or str(error)) from error


def http_client(largest_answer_bytes: int) -> SimpleAsyncHTTPClient:
    """A client whose requests raise `NotConnected` where no connection, or no TLS on it, could be made."""
    client: SimpleAsyncHTTPClient = SimpleAsyncHTTPClient(force_instance=True, max_body_size=largest_answer_bytes)
    client.tcp_client.close()
    client.tcp_client = _Connecting(resolver=client.resolver)
    return client
