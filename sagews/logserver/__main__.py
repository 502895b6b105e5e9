"""``python -m sagews.logserver --config FILE --instance N``: the log server, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sagews import remotelog
from sagews.configuration import load
from sagews.errors import SagewsError
from sagews.logserver.run import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the log server. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sagews.logserver", description="The log server of a site.")
    parser.add_argument("--config", metavar="FILE", type=Path, help="the configuration file (TOML)")
    parser.add_argument("--instance", metavar="N", type=int, default=0, help="which one of the site; default: 0")
    parsed = parser.parse_args(arguments)
    try:
        configuration = load(parsed.config, os.environ)
        remote = remotelog.start(configuration, "logserver", parsed.instance)
        asyncio.run(run(configuration, parsed.instance, remote, parsed.config))
    except SagewsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
