"""The small, real machine learning system that the book takes apart, one module a room."""
