"""Turn the log of an installer that failed into one sentence that says what to do."""

from __future__ import annotations

import re
from pathlib import Path

from sagews.errors import SetupError

_AGAIN = "and run the same again"

_UNREACHABLE = "|".join(
    (
        r"name resolution|NewConnectionError|Connection refused|Network is unreachable|No route to host",
        r"Connect(ion)?Timeout|timed out|ProxyError|Max retries|Could not fetch|Connection reset",
        # With no retries allowed, pip says only that it found no version at all.
        r"from versions: none",
        r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH",
    )
)
_NO_COMPILER = "|".join(
    (
        r"command '[^']*(gcc|cc|g\+\+)'|unable to execute '[^']*(gcc|cc)'",
        r"Python\.h: No such file|No C compiler|Unknown compiler",
    )
)

# The first that fits wins: what pip and npm say, what it means, what to do.
_CAUSES = [
    (r"No space left on device|ENOSPC", "the disk is full", "Make room"),
    (
        r"DO NOT MATCH THE HASHES|EINTEGRITY",
        "what was downloaded is not what was locked",
        "Look whether a proxy or a mirror changes files",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|self.signed certificate|UNABLE_TO_GET_ISSUER",
        "the certificate of the package server is not trusted here",
        "Install the package ca-certificates, or your proxy's certificate",
    ),
    (
        _UNREACHABLE,
        "the package server cannot be reached",
        "Look whether this machine has network (behind a proxy, set https_proxy)",
    ),
    (
        _NO_COMPILER,
        "a package has no ready-made file for this machine and needs a C compiler",
        "Install one (on Debian and Ubuntu: sudo apt install build-essential python3-dev)",
    ),
    (r"Permission denied|EACCES", "a file cannot be written", "Look whether this folder is yours"),
    (
        r"No matching distribution|ETARGET|E404",
        "a package is not offered for this machine or this Python",
        "Use another Python (make run PYTHON=python3.12), or another package server",
    ),
]


def explain(what: str, log: Path, shown_as: str) -> SetupError:
    """The error for *what* ("Installing the Python packages") whose output is in *log*."""
    text = log.read_text(errors="replace") if log.is_file() else ""
    for pattern, meaning, mend in _CAUSES:
        if re.search(pattern, text):
            return SetupError(f"{what} failed: {meaning}.", mend=f"{mend} {_AGAIN}; the details are in {shown_as}")
    return SetupError(f"{what} failed.", mend=f"Read the end of {shown_as}, mend what it names {_AGAIN}.")
