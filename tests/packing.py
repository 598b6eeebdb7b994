"""The source distribution is the whole repository: tests, benchmarks and what runs them.

setuptools puts in packages and their data only, and the list of the top level is fixed, so there is
no MANIFEST.in; pyproject.toml names this command instead.
"""

from __future__ import annotations

from pathlib import Path

from setuptools.command.sdist import sdist

__all__ = ["WholeSdist"]

FOLDERS = ("lockcheck", "rtnl_model", "tests", "benchmarks", ".ci")
LEFT_OUT = ("__pycache__", ".pyc", ".egg-info")


class WholeSdist(sdist):  # type: ignore[misc]  # setuptools has no types here
    """`sdist` with every file of the repository."""

    def make_distribution(self) -> None:
        """Add the folders' files, then pack."""
        found = [
            str(path)
            for folder in FOLDERS
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file() and not any(part in str(path) for part in LEFT_OUT)
        ]
        self.filelist.extend([*found, ".gitignore"] if Path(".gitignore").is_file() else found)
        self.filelist.remove_duplicates()
        super().make_distribution()
