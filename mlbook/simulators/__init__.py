"""Worlds with a known truth, for what no public data records."""
