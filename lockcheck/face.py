"""The face of a package: its public names, each loaded when it is asked for.

So `import lockcheck` costs nobody the explorer, and the pytest plugin nobody who does not use it.
What a face offers stands in its `__all__`; `homes` says where each name is made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

__all__ = ["loader"]


def loader(package: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], object]:
    """Return the `__getattr__` of `package`; `homes`: module below it -> names made there."""
    home_of = {name: module for module, names in homes.items() for name in names}

    def load(name: str) -> object:
        module = home_of.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{module}"), name)  # a name of the face
        setattr(sys.modules[package], name, value)
        return value

    return load
