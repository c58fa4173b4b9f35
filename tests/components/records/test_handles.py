"""What steps hand to each other survives files and processes, and is the same where its content is."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from pydantic import ValidationError

from components.config import load
from components.records.errors import BadInput
from components.records.handles import DatasetVersion, Decision, Estimate, Handle, ModelVersion, Scorecard

DATASET = DatasetVersion(hash="ab.dir", commit="c1", preferences=7)
MODEL = ModelVersion(name="heed-policy", version=3, run_id="r3", dataset="ab.dir", step="s1")
CARD = Scorecard(
    challenger=MODEL,
    champion=MODEL.model_copy(update={"version": 1, "step": "s0"}),
    reward=MODEL.model_copy(update={"name": "heed-reward"}),
    dataset="ab.dir",
    judge="reward",
    measures={"policy/win_rate": Estimate(value=0.6, low=0.1 + 0.2, high=0.7, n=300)},
    run_id="e1",
)


@pytest.mark.parametrize("handle", [DATASET, MODEL, CARD, Decision(outcome="hold", reasons=("too few", "no"))])
def test_a_handle_comes_back_from_json_and_from_a_pickle_as_it_was(handle: Handle) -> None:
    assert type(handle).model_validate_json(handle.model_dump_json()) == handle
    assert pickle.loads(pickle.dumps(handle)) == handle


def test_a_handle_can_be_neither_changed_nor_misspelt() -> None:
    with pytest.raises(ValidationError):
        DATASET.preferences = 8
    with pytest.raises(ValidationError):
        DatasetVersion(hash="ab.dir", commit="c1", preferences=7, size=1)
    with pytest.raises(ValidationError):
        Decision(outcome="perhaps", reasons=())


def test_what_a_step_is_keyed_by_is_content_and_not_when_it_was_made() -> None:
    assert DATASET.key == DATASET.model_copy(update={"commit": "c2"}).key
    assert MODEL.key == MODEL.model_copy(update={"version": 9, "run_id": "r9"}).key
    assert CARD.key == CARD.model_copy(update={"run_id": "e2"}).key
    others = [
        MODEL,
        MODEL.model_copy(update={"step": "s2"}),
        MODEL.model_copy(update={"name": "heed-reward"}),
        CARD,
        CARD.model_copy(update={"judge": "taste"}),
        CARD.model_copy(update={"dataset": "cd.dir"}),
        CARD.model_copy(update={"champion": MODEL, "challenger": CARD.champion}),
    ]
    assert len({other.key for other in others}) == len(others)


def test_the_error_a_person_reads_says_the_same_in_another_process() -> None:
    error = BadInput("no such column", "a.jsonl:3", "Rename it to prompt.")
    assert str(error) == "no such column (a.jsonl:3). Rename it to prompt."
    with ProcessPoolExecutor(1, get_context("spawn")) as pool, pytest.raises(BadInput) as caught:
        pool.submit(load, None, {}, ("train.beta",)).result()
    with pytest.raises(BadInput) as here:
        load(None, {}, ("train.beta",))
    assert str(caught.value) == str(here.value)
    assert (caught.value.what, caught.value.where, caught.value.fix) == (
        here.value.what,
        here.value.where,
        here.value.fix,
    )
