"""Set up what a make target needs: ``python3 tools/setup.py GOAL...`` (see ``installation.goals``).

Needs nothing but the standard library, since it is what installs the rest. This one
file is written so that any Python can read it, and so can say that it is too old.
"""

import os
import sys

OLDEST = (3, 11)


def too_old(version, executable, newer):
    """The sentence for a Python that is too old, or nothing."""
    if tuple(version[:2]) >= OLDEST:
        return ""
    hint = "install a newer one and name it, for example: make run PYTHON=python3.12"
    if newer:
        hint = "use the newer one of this machine: make run PYTHON=" + newer
    return "sagews needs Python %d.%d or newer, and %s is %d.%d: %s" % (
        OLDEST + (executable,) + tuple(version[:2]) + (hint,)
    )


def newer_python(path):
    """The name of a Python in the folders of *path* that is new enough, or nothing."""
    for minor in range(19, OLDEST[1] - 1, -1):
        name = "python3.%d" % minor
        if any(os.access(os.path.join(folder, name), os.X_OK) for folder in path.split(os.pathsep)):
            return name
    return ""


def main():
    """Set up the goals that the command line names; the exit status is 0 or 1."""
    complaint = too_old(sys.version_info, sys.executable, newer_python(os.environ.get("PATH", "")))
    if complaint:
        sys.stderr.write(complaint + "\n")
        return 1
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path.insert(0, root)
    sys.dont_write_bytecode = True
    from tools.installation.goals import reach

    return reach(root, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
