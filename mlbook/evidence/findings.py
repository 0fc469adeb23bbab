"""Findings: what a claim's experiment concludes, with a verdict that is computed, never typed.

The rule. A claim is broken into checks. A check is an effect with an interval and the side of a
threshold on which the claim puts it. It is *supported* if the whole interval lies on that side,
*contradicted* if it lies on the other side, and *undecided* if it straddles the threshold. The claim
*holds* if every check is supported, *holds in part* if some are, and *does not hold* if none is: what is
undecided never counts in favor of a claim.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from mlbook import catalog
from mlbook.evidence.intervals import Interval

Verdict = Literal["holds", "holds in part", "does not hold"]
Outcome = Literal["supported", "undecided", "contradicted"]


@cache
def claims() -> dict[str, dict[str, Any]]:
    """All claims of the book by id: the part, text, named systems, and chapters of each."""
    table = tomllib.loads(files("mlbook.evidence").joinpath("claims.toml").read_text(encoding="utf-8"))
    return {claim["id"]: claim for claim in table["claim"]}


@dataclass(frozen=True)
class Check:
    """One testable part of a claim: `effect` (in `unit`) should lie above, or below, a threshold.

    `statement` says in words what a supported check means. Exactly one of `above` and `below` is given.
    """

    statement: str
    effect: Interval
    above: float | None = None
    below: float | None = None
    unit: str = "points"

    def __post_init__(self) -> None:
        if (self.above is None) == (self.below is None):
            raise ValueError(
                f"check {self.statement!r}: give one of above= and below=, the side the claim puts the effect on"
            )

    @property
    def outcome(self) -> Outcome:
        """On which side of the threshold the whole interval lies: the claimed one, the other, or neither."""
        if self.above is not None:
            over, under = self.effect.low > self.above, self.effect.high < self.above
        else:
            assert self.below is not None
            over, under = self.effect.high < self.below, self.effect.low > self.below
        return "supported" if over else "contradicted" if under else "undecided"


def above(threshold: float, effects: Mapping[str, Interval], unit: str = "points") -> list[Check]:
    """A check for each effect, named by its statement: it should lie above the threshold."""
    return [Check(statement, effect, above=threshold, unit=unit) for statement, effect in effects.items()]


def below(threshold: float, effects: Mapping[str, Interval], unit: str = "points") -> list[Check]:
    """A check for each effect, named by its statement: it should lie below the threshold."""
    return [Check(statement, effect, below=threshold, unit=unit) for statement, effect in effects.items()]


@dataclass(frozen=True)
class Finding:
    """The conclusion of a claim's experiment; a cell that ends in one displays it.

    Parameters
    ----------
    claim
        An id of `claims()`.
    checks
        The checks from which the verdict follows.
    data
        Names of the snapshots that were used; their content fingerprints are looked up and shown.
    simulated
        For simulated data instead: what was simulated and with which seeds, in words.
    note
        Where the experiment is weak, in one sentence.

    Raises
    ------
    ValueError
        On an unknown claim or snapshot, without checks, or without exactly one of `data` and `simulated`.
    """

    claim: str
    checks: Sequence[Check]
    data: Sequence[str] = ()
    simulated: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.claim not in claims():
            raise ValueError(f"no claim {self.claim!r}; the ids are: {', '.join(claims())}")
        if not self.checks:
            raise ValueError(f"finding {self.claim!r} has no checks: a verdict needs at least one")
        if bool(self.data) == bool(self.simulated):
            raise ValueError(f"finding {self.claim!r}: give either data= (snapshots) or simulated= (in words)")
        if isinstance(self.data, str):
            raise ValueError(f"finding {self.claim!r}: data must be a list of names, such as [{self.data!r}]")

    @property
    def verdict(self) -> Verdict:
        """\"holds\" if every check is supported, \"holds in part\" if some are, else \"does not hold\"."""
        supported = [check.outcome == "supported" for check in self.checks]
        if all(supported):
            return "holds"
        return "holds in part" if any(supported) else "does not hold"

    @property
    def source(self) -> str:
        """The data behind the finding: each snapshot with its fingerprint, or the simulation."""
        if self.simulated:
            return f"simulated data: {self.simulated}"
        return "real data: " + ", ".join(f"{name} {catalog.fingerprint(name)}" for name in self.data)

    def __repr__(self) -> str:
        parts = [f"{c.statement}: {c.effect.text(c.unit)} over {c.effect.over}, {c.outcome}" for c in self.checks]
        note = [self.note] if self.note else []
        return " | ".join([f"finding {self.claim}: {self.verdict}", *parts, self.source, *note])

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        return {"text/plain": repr(self), "text/markdown": self._markdown()}, {"finding": self._record()}

    def _markdown(self) -> str:
        claim = claims()[self.claim]["text"]
        rows = [f"| {c.statement} | {c.effect.text(c.unit)} | {c.effect.over} | {c.outcome} |" for c in self.checks]
        return "\n".join(
            [
                f"**Finding `{self.claim}`: {self.verdict}.** {claim}",
                "",
                "| What the claim needs | Effect [95 % interval] | Over | Outcome |",
                "|:--|:--|:--|:--|",
                *rows,
                "",
                " ".join([self.source[0].upper() + self.source[1:] + ".", self.note]).strip(),
            ]
        )

    def _record(self) -> dict[str, Any]:
        """What the findings page is built from; it travels in the output's metadata."""
        return {
            "claim": self.claim,
            "verdict": self.verdict,
            "checks": [
                {
                    "statement": c.statement,
                    "effect": c.effect.text(c.unit),
                    "over": c.effect.over,
                    "outcome": c.outcome,
                }
                for c in self.checks
            ],
            "source": self.source,
            "note": self.note,
        }
