"""Asking a component of ours over HTTPS, with a certificate of the site on both sides."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any

from sagews.certificates import Role, client_context, identity_of
from sagews.configuration import Configuration
from sagews.errors import Unavailable

ANSWER_SECONDS = 5.0
LARGEST_ANSWER = 2**20


def get_json(configuration: Configuration, address: str, port: int, path: str) -> dict[str, Any]:
    """What it answers to a GET, as this machine's administrator.

    :raises Unavailable: it does not answer, not in time, or not with JSON.
    """
    where = f"https://{address}:{port}{path}"
    try:
        context = client_context(identity_of(configuration, Role.ADMIN))
        connection = http.client.HTTPSConnection(address, port, timeout=ANSWER_SECONDS, context=context)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            found = json.loads(answer.read(LARGEST_ANSWER))
        finally:
            connection.close()
    except (OSError, ssl.SSLError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"{where} does not answer: {error}.") from error
    if answer.status != http.HTTPStatus.OK or not isinstance(found, dict):
        raise Unavailable(f"{where} answers {answer.status}.")
    return found
