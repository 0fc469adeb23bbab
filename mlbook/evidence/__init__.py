"""Evidence: intervals, findings, and figures, the three things a chapter shows.

Only chapters and benchmarks use this room; no other room of `mlbook` imports it.
"""

from mlbook.evidence.comparison import (
    absolute_errors,
    auc_lost,
    break_even,
    due_to_columns,
    error_removed,
    predict_each,
    predict_each_fold,
    removed_by_each,
    squared_errors,
)
from mlbook.evidence.figures import COLORS, SHADES, Figure, Interactive, show
from mlbook.evidence.findings import Check, Finding, above, below, claims
from mlbook.evidence.intervals import (
    Interval,
    mean_interval,
    ratio_interval,
    recall_interval,
    repeats_interval,
    share_interval,
)

__all__ = [
    "COLORS",
    "SHADES",
    "Check",
    "Figure",
    "Finding",
    "Interactive",
    "Interval",
    "above",
    "absolute_errors",
    "auc_lost",
    "below",
    "break_even",
    "claims",
    "due_to_columns",
    "error_removed",
    "mean_interval",
    "predict_each",
    "predict_each_fold",
    "ratio_interval",
    "recall_interval",
    "removed_by_each",
    "repeats_interval",
    "share_interval",
    "show",
    "squared_errors",
]
