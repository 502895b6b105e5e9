"""Worksheets as static pages. Pure: notebooks in, HTML out.

Invariant: what people wrote is put into pages as it is, because it has to work there: whoever serves them takes all
power over the site from them, by `PUBLISHED_POLICY` of `sagews.component.headers`.
"""
