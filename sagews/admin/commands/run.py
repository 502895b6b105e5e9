"""`sagews run`: a site for one person on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from sagews.admin.command import Verbs, add_configuration_option, configuration_file
from sagews.admin.running import RunningSite
from sagews.configuration import load


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "run",
        "Run a site for one person on this machine and print its address; Ctrl-C ends it.",
        examples=(
            "sagews run",
            "sagews run --port 0  # any free port",
            "sagews run --data ~/mathematics",
        ),
    )
    parser.add_argument("--port", metavar="N", type=_port, help="where to listen; 0 = any free port")
    parser.add_argument("--data", metavar="FOLDER", type=Path, help="where everything is kept; default: data")
    add_configuration_option(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Runs until SIGINT or SIGTERM; returns 0."""
    environ = dict(os.environ)
    if arguments.port is not None:
        environ["SAGEWS_BACKEND_PORT"] = str(arguments.port)
    if arguments.data is not None:
        environ["SAGEWS_DATA_FOLDER"] = str(arguments.data.expanduser().absolute())
    file = configuration_file(arguments)
    configuration = load(file, environ)

    import asyncio

    from sagews.admin.solo import SoloSite

    async def serve() -> None:
        await SoloSite(configuration, file, environ, _say).run(_ready)

    _say(
        f"Starting sagews with the data in {configuration.data_folder.absolute()} (Sage takes some seconds to load) ..."
    )
    asyncio.run(serve())
    _say("sagews has ended; everything is saved.")
    return 0


def _ready(running: RunningSite) -> None:
    print(f"sagews is ready: {running.sign_in_url}", flush=True)
    _say("Open this address in a browser. Ctrl-C ends it; worksheets are kept.")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise ArgumentTypeError(f"{text[:20]!r} is no port; allowed: 0 to 65535")
    return int(text)
