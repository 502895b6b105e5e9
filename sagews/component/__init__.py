"""Components: what a site consists of, and starting, watching and stopping each of them in one way."""

from __future__ import annotations

from sagews.component.component import Component, Health
from sagews.component.instance import Instance

__all__ = ["Component", "Health", "Instance"]
