"""`sagews eval`: evaluate code on a site and print what it says, as it comes."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from pathlib import Path

from sagews.admin.command import Verbs
from sagews.admin.running import add_site_options, site_of
from sagews.errors import UsageError

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""ANSI sequences that colour text (ECMA-48, SGR)."""


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "eval",
        "Evaluate code on a site; what it prints goes to standard output, errors to standard error. The exit status "
        "is Python's: 0, 1 after an error, N after sys.exit(N).",
        examples=(
            "sagews eval 'factor(2^64+1)'",
            "echo 'print(6*7)' | sagews eval --environment python -",
            "sagews eval --json 'plot(sin, (0, 7))'  # all outputs, as a notebook has them",
            "sagews eval --url https://sage.example.org --token TOKEN '1+1'",
        ),
    )
    parser.add_argument("code", metavar="CODE", help="the code; - reads it from standard input")
    parser.add_argument(
        "--environment", metavar="NAME", default="", help="sage, python, ...; default: the site's first"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object with all outputs at the end")
    add_site_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Exit status: as Python's: 0, the number of a `SystemExit`, or 1 where the code raised or its session ended."""
    import asyncio

    url, token = site_of(arguments)
    return asyncio.run(_evaluate(url, token, arguments))


async def _evaluate(url: str, token: str, arguments: Namespace) -> int:
    import asyncio
    import json
    import signal

    from sagews.admin.evaluation import Evaluation
    from sagews.client.site import SiteClient

    code = _code(arguments.code)
    async with SiteClient(url, token) as site:
        evaluation = Evaluation(site, arguments.environment)
        evaluating = asyncio.ensure_future(evaluation.run(code, _nothing if arguments.json else _print))
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, evaluation.interrupt)
        try:
            status = await evaluating
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            await evaluation.close()
    if arguments.json:
        outputs = list(evaluation.outputs.as_tuple())
        print(json.dumps({"status": status, "execution_count": evaluation.execution_count, "outputs": outputs}))
    return evaluation.exit_status(status)


def _code(given: str) -> str:
    if given != "-":
        return given
    try:
        return Path("/dev/stdin").read_text() if sys.stdin is None else sys.stdin.read()
    except UnicodeDecodeError as error:
        raise UsageError("The code on standard input is no UTF-8 text.") from error


def _print(name: str, text: str) -> None:
    stream = sys.stdout if name == "stdout" else sys.stderr
    if name == "stderr" and not stream.isatty():
        text = COLOURS.sub("", text)
    stream.buffer.write(text.encode("utf-8", "surrogateescape" if stream.errors == "surrogateescape" else "replace"))
    stream.flush()


def _nothing(name: str, text: str) -> None:
    """With ``--json``: everything comes at the end."""
