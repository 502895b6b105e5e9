"""``python -m sagews`` is the program `sagews`."""

from __future__ import annotations

import sys

from sagews.admin.main import main

if __name__ == "__main__":
    sys.exit(main())
