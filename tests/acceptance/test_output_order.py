"""What C, subprocesses, Python and displays write in one cell comes in the program's order, through the whole site."""

from __future__ import annotations

from sagews.client.site import SiteClient
from tests.acceptance.solo import SoloSite

CODE = """
import ctypes, os, sys
from IPython.display import display
libc = ctypes.CDLL(None)
class Shown:
    def __init__(self, number): self.number = number
    def __repr__(self): return f"shown {self.number}"
for i in range(30):
    libc.printf(b"C %d\\n", ctypes.c_int(int(i)))
    os.system(f"echo a {i}")
    print("print", i)
    sys.stderr.write(f"stderr {i}\\n")
    display(Shown(int(i)))
    os.write(int(1), b"descriptor %d\\n" % i)
    libc.puts(b"puts %d" % i)
Shown("last")
"""


def wanted() -> list[tuple[str, str]]:
    pieces: list[tuple[str, str]] = []
    for i in range(30):
        pieces += [
            ("stdout", f"C {i}\na {i}\nprint {i}\n"),
            ("stderr", f"stderr {i}\n"),
            ("display_data", f"shown {i}"),
            ("stdout", f"descriptor {i}\n"),
            ("stdout", f"puts {i}\n"),
        ]
    return joined([*pieces, ("execute_result", "shown last")])


def joined(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbouring text of one kind as one piece."""
    found: list[tuple[str, str]] = []
    for name, text in pieces:
        if found and found[-1][0] == name and name in ("stdout", "stderr"):
            found[-1] = (name, found[-1][1] + text)
        else:
            found.append((name, text))
    return found


async def told(site: SoloSite, environment: str, code: str) -> list[tuple[str, str]]:
    async with SiteClient(site.url, site.token) as client:
        session = await client.open_session(environment)
        result = await session.evaluate(code)
        await session.close()
    pieces = [
        (str(output["name"]), str(output["text"]))
        if output["output_type"] == "stream"
        else (str(output["output_type"]), str(output["data"]["text/plain"]))
        for output in result.outputs
    ]
    return joined(pieces)


async def test_in_python(site: SoloSite) -> None:
    assert await told(site, "python", CODE) == wanted()


async def test_in_sage(site: SoloSite) -> None:
    assert await told(site, "sage", CODE) == wanted()
