"""Measurements of sagews beside Jupyter Server with the same Sage: `make bench`. One file a question."""
