"""Users whose tastes are known exactly, so that every step can be checked against the truth."""
