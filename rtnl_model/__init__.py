"""A threaded model of Linux's per-namespace RTNL and of how network devices are unregistered.

`rtnl_model.kernel` is the model, `rtnl_model.iproute` drives it with `ip` commands,
`rtnl_model.lab` stresses, explores and compares it, `rtnl_model.cli` is the `rtnl-model` command.
"""

from __future__ import annotations

__version__ = "0.2.0"
__all__ = ["__version__"]
