"""A language model behind an OpenAI-compatible endpoint: asked in parallel, never twice, within a budget.

Knows nothing of what it is asked about, or why.
"""

from components.endpoint.asking import Endpoint, Request, shared, tell
from components.endpoint.outcomes import Answer, Outcome, Unanswered
from components.endpoint.reading import Shape, first_object

__all__ = ["Answer", "Endpoint", "Outcome", "Request", "Shape", "Unanswered", "first_object", "shared", "tell"]
