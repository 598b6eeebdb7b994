"""The engine's one internal lock: a leaf.

No callback of the user's and no log call runs under it, and no collection (`core.collecting`).  A
signal or a last reference may run the user's code under it all the same, in the same thread, and
that may come back into the engine; so its owner passes it again.  What changes the graph runs with
`ThreadState.tracing` set, which turns such a visit away; what else stands under the leaf can bear
one.

It is the interpreter's own reentrant lock, and always taken by `with`: the interpreter takes and
drops that in one step, so a KeyboardInterrupt comes before it or after it, never between its being
locked and anybody knowing that it must be unlocked.
"""

from __future__ import annotations

import _thread

__all__ = ["Leaf"]

Leaf = _thread.RLock
