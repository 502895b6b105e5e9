"""``python -m sagews.backend --config FILE --instance N``: one backend, until it is told to stop.

Prints nothing secret: the sign-in token of a solo site is in the file ``run/sign-in-token`` of the data folder,
for its owner only; it is made by whoever starts first, and used again by a backend that is started anew.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from sagews import remotelog
from sagews.backend.run import run
from sagews.component.browser_files import CLIENT_FILES
from sagews.configuration import load
from sagews.errors import SagewsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a backend. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sagews.backend", description="A backend of a site.")
    parser.add_argument("--config", metavar="FILE", type=Path, help="the configuration file (TOML)")
    parser.add_argument("--client", metavar="FOLDER", type=Path, default=CLIENT_FILES, help="the browser's files")
    parser.add_argument(
        "--listen-descriptor", metavar="N", type=int, help="a listening socket that is inherited, instead of an address"
    )
    parser.add_argument("--instance", metavar="N", type=int, default=0, help="which backend of the site; default: 0")
    parsed = parser.parse_args(arguments)
    try:
        configuration = load(parsed.config, os.environ)
        remote = remotelog.start(configuration, "backend", parsed.instance)
        listener = None if parsed.listen_descriptor is None else socket.socket(fileno=parsed.listen_descriptor)
        remote.ship()
        try:
            asyncio.run(run(configuration, parsed.client, listener, number=parsed.instance, file=parsed.config))
        finally:
            remote.close()
    except SagewsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
