"""What a person looks at: probe lines, the topology as a picture, the report folder of a run."""

from __future__ import annotations
