"""Checks for the chapters' exercises, one module a chapter; each says what is wrong with an answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What a check says about an answer."""

    exercise: str
    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{self.exercise}: {'passed' if self.passed else 'not yet'}. {self.message}"
