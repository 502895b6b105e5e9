"""Worksheets as files for other programs: a page of HTML, a program. Pure: notebooks in, text out."""
