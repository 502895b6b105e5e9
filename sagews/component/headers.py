"""What answers with the browser's files say besides them, whoever gives them: a backend, or the static server.

Invariant: a page may run only scripts of the site itself; active HTML of worksheets runs in ``frame.html``, which
the policy sandboxes away from the site's origin (Content Security Policy Level 3, "sandbox"); so do published pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "sagews",
}
FRAME = "frame.html"
FOR_EVER = "public, max-age=31536000, immutable"
"""Cache-Control (RFC 8246) of files that are named by their content."""
HASHED = r"[-.][0-9A-Za-z_]{8,}\.(?:js|css|woff2?|ttf|png|svg|map|wasm)$"
"""esbuild's ``[name]-[hash]``."""
_HASHED = re.compile(HASHED)

FRAME_POLICY = (
    "sandbox allow-scripts allow-popups allow-downloads; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' "
    "blob: data: https:; style-src 'unsafe-inline' https:; img-src data: blob: https:; font-src data: https:; "
    "media-src data: blob: https:; connect-src data: blob: https:; worker-src blob:; frame-ancestors 'self'"
)
PUBLISHED_POLICY = (
    "sandbox allow-scripts allow-popups allow-downloads; default-src 'none'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "media-src 'self' data: blob:; connect-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
"""Of published pages: their scripts have an origin of their own, so that they are nobody on the site."""
PUBLISHED = {
    "Content-Security-Policy": PUBLISHED_POLICY,
    "Cross-Origin-Resource-Policy": "cross-origin",
    # Their fonts and worksheets are public, and they ask for them as nobody (Fetch standard, "CORS protocol").
    "Access-Control-Allow-Origin": "*",
}
"""What `HEADERS` become for all that is below ``/published/``."""


def is_hashed(path: str) -> bool:
    """Whether a file is named by its content, so that it never changes."""
    return _HASHED.search(path) is not None


def page_policy(host: str = "", addresses: Iterable[str] = ()) -> str:
    """The Content-Security-Policy of the site's own pages.

    :param host: what the browser calls this server; older browsers do not count WebSockets as 'self'.
    :param addresses: of the site, to which a page may move: ``https://sage.example:8443``.
    """
    own = f" ws://{host} wss://{host}" if host else ""
    others = "".join(f" {address} ws{address.removeprefix('http')}" for address in addresses)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        f"font-src 'self' data:; media-src 'self' data: blob:; connect-src 'self'{own}{others}; "
        "frame-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'self'; object-src 'none'"
    )
