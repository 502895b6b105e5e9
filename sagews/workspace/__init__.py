"""Documents of a workspace and their files. Pure: no input or output."""
