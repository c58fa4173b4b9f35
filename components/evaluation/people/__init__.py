"""People as judges: blind pairs, the sheet and the page they are judged on, what was said, and what it comes to."""
