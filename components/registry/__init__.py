"""Deciding which model is in service: the gate, promotion and rollback, and the card that tells a model's story."""
