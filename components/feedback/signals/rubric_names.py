"""What users' words show: nine ways of being satisfied and nine of being dissatisfied. Knows nothing of who finds them.

The rubrics are those that SPUR (https://arxiv.org/abs/2403.12388) learned from conversations and WildFeedback
(https://arxiv.org/abs/2408.15549) built preferences from.
"""

SATISFIED = {
    "gratitude": "The user thanks the assistant.",
    "learning": "The user has learned something new or useful from the answer.",
    "compliance": "The user does, or says they will do, what the assistant suggested.",
    "praise": "The user praises the answer or the assistant.",
    "personal_details": "The user opens up and shares something about themselves or what they think.",
    "humor": "The user jokes with the assistant or teases it in a friendly way.",
    "acknowledgment": "The user confirms that they understood or agree.",
    "positive_closure": "The user ends the conversation content, with nothing left to ask.",
    "getting_there": "The user finds the answer better than before, or partly what they need.",
}
"""Name to meaning, for users who are satisfied with the answer before."""

DISSATISFIED = {
    "negative_feedback": "The user says the answer is bad, useless, or not what they wanted.",
    "revision": "The user asks for the answer to be changed or redone, or asks the same thing again.",
    "factual_error": "The user points out that something in the answer is wrong.",
    "unrealistic_expectation": "The user wanted something the assistant cannot do, and is let down by that.",
    "no_engagement": "The user does not take up what the assistant asked or offered.",
    "ignored": "The user says that their question or part of it was passed over.",
    "lower_quality": "The user finds that the answers have become worse or the assistant is not able enough.",
    "insufficient_detail": "The user misses details, depth or examples.",
    "style": "The user minds the form of the answer: its length, tone, format or language.",
}
"""Name to meaning, for users who are dissatisfied with the answer before."""

POLARITY = {**dict.fromkeys(SATISFIED, "satisfied"), **dict.fromkeys(DISSATISFIED, "dissatisfied")}
"""Name to polarity."""
