"""Small edits, as somebody makes them who wants two texts to count as different. Knows nothing of why."""

import numpy as np

FILLERS = ("please", "really", "so", "well", "just", "actually", "kindly", "indeed")


def reworded(text: str, draw: np.random.Generator) -> str:
    """The text with one or two small edits: a word more, a word twice, a letter less, other case, other signs."""
    for _ in range(int(draw.integers(1, 3))):
        text = _edited(text, draw)
    return text


def _edited(text: str, draw: np.random.Generator) -> str:
    words = text.split()
    place = int(draw.integers(len(words)))
    way = int(draw.integers(5))
    if way == 0:
        words.insert(place, FILLERS[draw.integers(len(FILLERS))])
    elif way == 1:
        words.insert(place, words[place])
    elif way == 2 and len(words[place]) > 4:
        cut = int(draw.integers(1, len(words[place]) - 1))
        words[place] = words[place][:cut] + words[place][cut + 1 :]
    elif way == 3:
        words[place] = words[place].upper()
    else:
        words[-1] = words[-1].rstrip(".!?") + ("!", "...", " .", "?!")[draw.integers(4)]
    return " ".join(words)
