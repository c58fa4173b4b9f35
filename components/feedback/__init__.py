"""Hearing users: what they do in the product, taken in and understood. Knows nothing of training."""
