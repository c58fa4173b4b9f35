"""What is tried: every combination of what was listed, or some of them, and nothing that makes them incomparable."""

import pytest

from components.config import Settings
from components.config.grid import draw, points, settings_of
from components.records.errors import BadInput

SETTINGS = Settings()


def test_every_combination_is_a_point_and_is_read_as_the_settings_are() -> None:
    grid = points(["train.loss_type=sigmoid, ipo", "train.beta=0.05,1,1"], SETTINGS)
    assert [settings_of(SETTINGS, point) for point in grid] == [
        {"train.loss_type": "sigmoid", "train.beta": 0.05},
        {"train.loss_type": "sigmoid", "train.beta": 1.0},
        {"train.loss_type": "ipo", "train.beta": 0.05},
        {"train.loss_type": "ipo", "train.beta": 1.0},
    ]


def test_values_of_one_setting_can_be_given_in_two_goes() -> None:
    assert points(["train.seed=1", "train.seed=2"], SETTINGS) == [("train.seed=1",), ("train.seed=2",)]


def test_what_is_drawn_is_the_same_again_and_stays_when_more_is_drawn() -> None:
    grid = points(["train.beta=0.1,0.2,0.3,0.4", "train.lora_rank=0,8,16"], SETTINGS)
    few, more = draw(grid, 4, seed=0), draw(grid, 7, seed=0)
    assert few == draw(grid, 4, seed=0)
    assert len(set(few)) == 4
    assert set(few) < set(more)
    assert more == [point for point in grid if point in more]
    assert set(draw(grid, 4, seed=1)) != set(few)
    assert draw(grid, 100, seed=0) == grid


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ("train.betta=1,2", ("train.betta", "Did you mean train.beta?")),
        ("train.beta=0.1,much", ("train.beta = 'much'", "number", "default is 0.1")),
        ("train.beta=0.1,", ("train.beta = ''", "number")),
        ("train.beta=0.1,-1", ("train.beta = -1", "greater than 0")),
        ("train.loss_type=sigmoid,dpo", ("train.loss_type = 'dpo'", "'ipo'")),
        ("train.beta", ("'train.beta' sets nothing", "train.beta=0.2")),
        ("reward.method=features,classifier", ("reward.method", "the same for all", "--set")),
    ],
)
def test_what_cannot_be_tried_is_one_line_that_says_why(axis: str, words: tuple[str, ...]) -> None:
    with pytest.raises(BadInput) as refused:
        points([axis], SETTINGS)
    line = str(refused.value)
    assert "\n" not in line
    assert all(word in line for word in words)
