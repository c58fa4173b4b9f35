"""Measuring a challenger against the champion: what was observed, every number made from it, and its pictures."""
