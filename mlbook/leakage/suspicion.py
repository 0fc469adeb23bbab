"""What a check of the audit reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Suspicion:
    """Something that may not hold when the model is live.

    `check` names what was looked for, `columns` where it was seen, `strength` (0 to 1) how much of the table
    it touches or how much of the answer it gives away, and `evidence` says what was counted, in a sentence.
    """

    check: str
    columns: tuple[str, ...]
    strength: float
    evidence: str


def several(names: Sequence[str], most: int = 3) -> str:
    """A few names, and how many there are besides."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
