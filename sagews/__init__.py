"""Sage Workspaces: Sage in the browser, in workspaces that lose nothing."""

__version__ = "0.1.0"
