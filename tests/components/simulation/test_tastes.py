"""What simulated users like is counted exactly, and the two groups really differ."""

import numpy as np
import pytest

from components.simulation import world
from components.simulation.judge import TasteJudge
from components.simulation.tastes import TASTES, Traits, traits

ASKED = [{"role": "user", "content": "I am a beginner. How do I bake bread?"}]
MIX, RISE, BAKE = world.TOPICS[0].facts
PLANT = world.TOPICS[1].facts[0]
NOTHING = dict.fromkeys(Traits.__dataclass_fields__, 0)


@pytest.mark.parametrize(
    ("response", "counted"),
    [
        ("", {}),
        ("Mix flour with warm water and yeast.", {"on_topic": 1}),
        (f"{world.WARM} {MIX} {RISE} {BAKE} {world.OFFER}", {"on_topic": 3, "warm": 1, "offer": 1}),
        (f"{MIX} {MIX} {MIX}", {"on_topic": 1, "repeated": 2}),
        (f"{PLANT} {RISE} {PLANT}", {"on_topic": 1, "off_topic": 2, "repeated": 1}),
        (f"{world.COLD} {world.PUSHY} {world.REFUSAL}", {"cold": 1, "pushy": 1, "refusal": 1}),
        (f"{world.COLD} {world.COLD}", {"cold": 1}),
        ("Mix flour with warm water and", {"garbled": 1}),
        ("mix flour with warm water and yeast. Bla! Bla?", {"garbled": 3}),
        (f"  {MIX}\n{BAKE}  ", {"on_topic": 2}),
    ],
)
def test_what_an_answer_is_made_of(response: str, counted: dict[str, int]) -> None:
    assert traits(ASKED, response) == Traits(**(NOTHING | counted))


def test_what_is_to_the_point_depends_on_the_last_question() -> None:
    earlier = [{"role": "user", "content": "Help me grow tomatoes!"}, {"role": "assistant", "content": PLANT}, *ASKED]
    assert traits(earlier, f"{MIX} {PLANT}") == Traits(**(NOTHING | {"on_topic": 1, "off_topic": 1}))


def test_worth_is_the_weighted_sum_that_is_written_down() -> None:
    rich = f"{world.WARM} {MIX} {RISE} {world.OFFER}"
    assert TASTES["curious"].utility(ASKED, rich) == pytest.approx(2.0 + 2 * 0.8 + 0.5 + 0.4)
    assert TASTES["hurried"].utility(ASKED, rich) == pytest.approx(2.0 - 2 * 0.5 - 0.3 - 0.5)
    assert TASTES["curious"].utility(ASKED, "") == TASTES["hurried"].utility(ASKED, "") == 0


def test_the_groups_disagree_about_length_and_agree_about_rudeness() -> None:
    full, short, rude = f"{MIX} {RISE} {BAKE}", MIX, f"{world.COLD} {MIX}"
    gain = {name: taste.utility(ASKED, full) - taste.utility(ASKED, short) for name, taste in TASTES.items()}
    assert gain["curious"] > 1
    assert gain["hurried"] <= -1
    for taste in TASTES.values():
        for worse in (rude, f"{MIX} {world.PUSHY}", world.REFUSAL, f"{MIX} {PLANT}", f"{MIX} {MIX}", f"{MIX} Bla."):
            assert taste.utility(ASKED, short) >= taste.utility(ASKED, worse) + 0.99


def test_the_judge_counts_each_group_by_its_size_and_mirrors_when_swapped() -> None:
    full, short, rude = f"{MIX} {RISE} {BAKE}", MIX, f"{world.COLD} {MIX}"
    judge = TasteJudge()
    shares = judge.prefer([ASKED] * 4, [full, short, rude, full], [short, rude, short, full])
    assert shares == pytest.approx([0.6, 1.0, 0.0, 0.5])
    draw = np.random.default_rng(0)
    prompts = [world.prompt(draw) for _ in range(200)]
    first, second = ([world.answer(prompt, draw) for prompt in prompts] for _ in range(2))
    there, back = judge.prefer(prompts, first, second), judge.prefer(prompts, second, first)
    assert there + back == pytest.approx(np.ones(200))
    assert {0.0, 0.4, 0.6, 1.0} <= set(there.round(6))
