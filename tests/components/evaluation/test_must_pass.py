"""What the team demands of answers: read from its files, held against what models say."""

import json
from pathlib import Path

import pytest

from components.config.settings import Evaluate
from components.evaluation import must_pass
from components.evaluation.gathering import gather
from components.evaluation.judges import appoint
from components.evaluation.scoring import measure_all
from components.records.errors import BadInput
from tests.components.evaluation.conftest import means
from tests.components.evaluation.test_gathering import knowing, preferences


def written(root: Path, *demands: object) -> Path:
    folder = root / "must_pass"
    folder.mkdir()
    (folder / "a.jsonl").write_text("\n".join(json.dumps(demand) for demand in demands) + "\n\n", encoding="utf-8")
    return folder


def test_an_answer_is_held_against_everything_that_is_demanded_of_it(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    folder = written(
        tmp_path,
        {"prompt": "What is the capital of France?", "contains": "paris", "lacks": ["London", "sorry"]},
        {"prompt": turns, "matches": r"^H\w+"},
    )
    (folder / "deeper").mkdir()
    (folder / "deeper" / "b.jsonl").write_text('{"prompt": "Bye", "lacks": "hi"}', encoding="utf-8-sig")
    (folder / "README.md").write_text("What our model must never get wrong.")
    capital, greeting, bye = must_pass.read(folder)
    assert capital.messages == [{"role": "user", "content": "What is the capital of France?"}]
    assert greeting.messages == turns
    assert [capital.is_met_by(said) for said in ("It is PARIS.", "Paris, not london.", "France.")] == [
        True,
        False,
        False,
    ]
    assert [greeting.is_met_by(said) for said in ("Hello!", "hello!")] == [True, False]
    assert bye.is_met_by("Bye.")
    assert must_pass.read(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{'prompt': 1}", "not JSON"),
        ('["a"]', "input should be"),
        ('{"prompt": "a"}', "it says nothing of the answer"),
        ('{"contains": "a"}', "prompt is missing"),
        ('{"prompt": "a", "contain": "b"}', "unknown key contain"),
        ('{"prompt": "a", "contains": ""}', "contains: string should have at least 1 character"),
        ('{"prompt": "a", "matches": "("}', "matches: no regular expression"),
        ('{"prompt": [{"role": "assistant", "content": "a"}], "lacks": "b"}', "prompt: it ends with the assistant"),
    ],
)
def test_a_line_that_is_no_demand_is_named_with_its_file(tmp_path: Path, line: str, what: str) -> None:
    folder = written(tmp_path, {"prompt": "a", "contains": "b"})
    with (folder / "a.jsonl").open("a") as file:
        file.write(line)
    with pytest.raises(BadInput, match=rf"{what}.*a\.jsonl, line 3.*contains") as told:
        must_pass.read(folder)
    assert "\n" not in str(told.value)


def test_what_the_challenger_no_longer_answers_as_the_team_demands_is_broken(
    taught: Path, policies: tuple[Path, Path], lessons: dict[str, str], tmp_path: Path
) -> None:
    demands = must_pass.read(
        written(tmp_path, {"prompt": "Cold?", "contains": "ice"}, {"prompt": "What is red?", "lacks": "blue"})
    )
    scorer, test = knowing(lessons), preferences(4, lessons)
    settings = Evaluate(prompts=1, max_new_tokens=10, resamples=50)
    seen = gather(
        test,
        policies[0],
        taught,
        scorer=scorer,
        judge=appoint("reward", means(scorer)),
        settings=settings,
        beta=0.1,
        must_pass=demands,
    )
    found = measure_all(seen, settings)
    assert seen.must_pass.champion == [lessons["Cold?"], lessons["What is red?"]]
    assert (found["champion/must_pass"].value, found["policy/must_pass"].value) == (1, 0.5)
    assert (found["policy/must_pass_broken"].value, found["policy/must_pass_broken"].n) == (1, 2)
