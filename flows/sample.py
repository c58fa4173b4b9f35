"""The sample that data.dvc of heed's own repository pins: from a seed and a script, so the same on every machine."""

from components.feedback.signals import appoint, detect
from components.preferences.building import build
from components.simulation.population import scripted, talk
from components.validation.batch import judge
from components.workspace import Workspace, versions

CONVERSATIONS = 200
SEED = 0


def place_sample(workspace: Workspace) -> dict[str, int]:
    """Write the sample into `data/`; returns how many records of each kind it has."""
    told = talk(scripted(SEED), "scripted", CONVERSATIONS, SEED)
    signals = detect(told.feedback, told.interactions, appoint(["explicit"], workspace))
    made = build(told.feedback, told.interactions, signals)
    sound, _ = judge(
        {
            "interactions": told.interactions,
            "feedback": told.feedback,
            "signals": signals,
            "preferences": made.preferences,
            "unpaired": made.unpaired,
            "checklists": made.checklists,
        }
    )
    versions.place_sample(workspace, sound)
    return {kind: frame.height for kind, frame in sound.items()}
