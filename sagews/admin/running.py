"""RunningSite: what a solo site that runs says about itself, for the commands that talk to it.

The file is in the run folder, readable for its owner only: it has the sign-in token.
"""

from __future__ import annotations

import json
import os
from argparse import Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from sagews.admin.command import Parser, add_configuration_option, configuration_of
from sagews.configuration import Configuration
from sagews.configuration.run_files import tell
from sagews.errors import UsageError

NAME = "solo.json"
TOKEN_NAME = "sign-in-token"
"""Where a backend looks for the token of the address that was printed."""


@dataclass(frozen=True)
class RunningSite:
    """One solo site that runs."""

    pid: int
    url: str
    token: str

    @classmethod
    def read(cls, configuration: Configuration) -> Self | None:
        """The one of this configuration's data folder; None where none runs."""
        try:
            site = cls(**json.loads((configuration.run_folder / NAME).read_text()))
        except FileNotFoundError:
            return None
        return site if Path(f"/proc/{site.pid}").exists() else None

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Say it to commands, and its token to the backend; returns the files."""
        site, token = folder / NAME, folder / TOKEN_NAME
        tell(site, json.dumps(asdict(self)))
        tell(token, self.token)
        return site, token

    @property
    def sign_in_url(self) -> str:
        """The address that signs its reader in."""
        return f"{self.url}/sign-in?token={self.token}"


def add_site_options(parser: Parser) -> None:
    """Declare ``--url``, ``--token`` and ``--config``, by which a command finds the site that it talks to."""
    parser.add_argument("--url", metavar="URL", help="the site; default: SAGEWS_URL, or the solo site that runs here")
    parser.add_argument("--token", metavar="TOKEN", help="an API token of yours; default: SAGEWS_TOKEN")
    add_configuration_option(parser)


def site_of(arguments: Namespace) -> tuple[str, str]:
    """(address, token) of the site that a command talks to.

    :raises UsageError: where none is named and none runs here.
    """
    url = arguments.url or os.environ.get("SAGEWS_URL", "")
    token = arguments.token or os.environ.get("SAGEWS_TOKEN", "")
    if url:
        if not _is_address(url):
            raise UsageError(f"{url[:100]!r} is no address of a site.", mend="It is like http://127.0.0.1:8765.")
        if not token:
            raise UsageError(
                "A site that is named needs a token.", mend="Make one on its page and give --token or SAGEWS_TOKEN."
            )
        return url, token
    configuration = configuration_of(arguments)
    running = RunningSite.read(configuration)
    if running is None:
        raise UsageError(
            f"No site runs here (data folder {configuration.data_folder}).",
            mend="Start one with `sagews run`, or name one with --url and --token.",
        )
    return running.url, token or running.token


def _is_address(url: str) -> bool:
    try:
        return url.startswith(("http://", "https://")) and bool(urlsplit(url).hostname)
    except ValueError:
        return False
