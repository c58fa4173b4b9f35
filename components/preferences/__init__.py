"""Making training data: pairs out of feedback, shared out to sides."""
