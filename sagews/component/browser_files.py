"""Where the files are that browsers are given."""

from __future__ import annotations

import sys
from pathlib import Path

CLIENT_FILES = Path(__file__).parents[2] / "client" / "dist"
"""The pages and the library, as ``make run`` builds them."""
SAGE_FILES = Path(sys.prefix) / "share" / "jupyter" / "nbextensions"
"""What the 3D scenes of a Sage that is installed beside us need in a browser: three.js, as its notebooks find it."""
