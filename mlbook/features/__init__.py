"""Features that look back: what was known at the moment of a prediction, and nothing later."""

from mlbook.features.aggregates import trailing_mean

__all__ = ["trailing_mean"]
