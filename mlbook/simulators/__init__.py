"""Simulated systems whose truth is known, for questions that no shipped data can answer; one module a system."""
