"""Settings: who wins where several say something, and what a person is told when one of them is wrong."""

from pathlib import Path

import pytest

from components.config import Settings, load
from components.config.loading import keys
from components.records.errors import BadInput
from components.workspace.creation import settings_text


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "heed.toml"


def refusal(file: Path | None = None, environment: dict[str, str] | None = None, *overrides: str) -> str:
    """The one line a person reads."""
    with pytest.raises(BadInput) as caught:
        load(file, environment or {}, overrides)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_the_command_line_wins_over_the_environment_over_the_file_over_the_defaults(toml: Path) -> None:
    toml.write_text("[train]\nbeta = 0.2\nseed = 3\nepochs = 4\n")
    found = load(toml, {"HEED_TRAIN_BETA": "0.3", "HEED_TRAIN_SEED": "5"}, ["train.beta=0.4"]).train
    assert (found.beta, found.seed, found.epochs, found.lora_rank) == (0.4, 5, 4.0, 0)
    assert load(None, {}) == Settings()


def test_the_last_of_two_overrides_holds() -> None:
    assert load(None, {}, ["train.beta=0.4", "train.beta = 0.6"]).train.beta == 0.6


@pytest.mark.parametrize(
    ("variable", "text", "section", "name", "value"),
    [
        ("HEED_TRAIN_LEARNING_RATE", "auto", "train", "learning_rate", "auto"),
        ("HEED_TRAIN_LEARNING_RATE", "1e-4", "train", "learning_rate", 1e-4),
        ("HEED_BASE_MODEL", "123", "base", "model", "123"),
        ("HEED_BASE_MODEL", "org/name=v2", "base", "model", "org/name=v2"),
        ("HEED_TRAIN_BETA", "1", "train", "beta", 1.0),
        ("HEED_SFT_BATCH_SIZE", "32", "sft", "batch_size", 32),
    ],
)
def test_texts_are_read_as_the_type_of_their_key(
    variable: str, text: str, section: str, name: str, value: object
) -> None:
    key = f"{section}.{name}"
    for settings in (load(None, {variable: text}), load(None, {}, [f"{key}={text}"])):
        found = getattr(getattr(settings, section), name)
        assert found == value
        assert type(found) is type(value)


def test_a_variable_that_names_the_workspace_and_those_of_others_are_no_settings() -> None:
    assert load(None, {"HEED_WORKSPACE": "/somewhere", "TRAIN_BETA": "9", "HEEDLESS": "1"}) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[train]\nbta = 0.2\n", ("train.bta", "Did you mean train.beta?")),
        ("[trian]\nbeta = 0.2\n", ("trian.beta", "Did you mean train.beta?")),
        ("[trian]\n", ("trian", "Did you mean train?")),
        ("beta = 0.2\n", ("beta", "Did you mean train.beta?")),
        ("[zzz]\nqqq = 1\n", ("zzz.qqq", "split, base, sft, train, reward, evaluate, promotion, mlflow")),
        ("[train]\nbeta = 'high'\n", ("train.beta = 'high'", "number", "default is 0.1")),
        ("[train]\nbatch_size = 2.5\n", ("train.batch_size = 2.5", "integer", "default is 16")),
        ("[train]\nbatch_size = true\n", ("train.batch_size = True", "integer")),
        ("[base]\nmodel = 3\n", ("base.model = 3", "string")),
        ("[train]\nbeta = 0\n", ("train.beta = 0", "greater than 0")),
        ("[train]\nbeta = inf\n", ("train.beta = inf", "finite")),
        ("[train]\nbeta = nan\n", ("train.beta = nan",)),
        ("[split]\ntest = 1.5\n", ("split.test = 1.5", "less than 1")),
        ("[train]\nlabel_smoothing = 0.5\n", ("train.label_smoothing = 0.5", "less than 0.5")),
        ("[train]\nloss_type = 'dpo'\n", ("train.loss_type = 'dpo'", "'sigmoid'", "'ipo'")),
        ("[train]\nbeta = \n", ("not valid TOML", "line 2")),
        ("[train]\nbeta = 1\nbeta = 2\n", ("not valid TOML", "line 3")),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_says_what_where_and_what_to_do(
    toml: Path, text: str, words: tuple[str, ...]
) -> None:
    toml.write_text(text)
    line = refusal(toml)
    assert all(word in line for word in (*words, str(toml)))


def test_a_file_that_is_no_text_or_not_there_is_refused(toml: Path) -> None:
    toml.write_bytes(b"\xff\xfe\x00[train]")
    assert "not valid TOML" in refusal(toml)
    assert "heed init" in refusal(toml.with_name("elsewhere.toml"))


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("HEED_TRAIN_BETTA", "0.2", ("train.betta", "Did you mean train.beta?")),
        ("HEED_TRAINBETA", "0.2", ("trainbeta", "Did you mean train.beta?")),
        ("HEED_TRAIN_BETA", "much", ("train.beta = 'much'", "number")),
        ("HEED_TRAIN_BETA", "", ("train.beta = ''", "number")),
        ("HEED_SPLIT_TEST", "-0.1", ("split.test = -0.1", "greater than 0")),
    ],
)
def test_a_wrong_variable_is_named(variable: str, text: str, words: tuple[str, ...]) -> None:
    line = refusal(None, {variable: text})
    assert all(word in line for word in (*words, f"environment variable {variable}"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.beta", ("'train.beta' sets nothing", "--set train.beta=0.2")),
        ("train.betta=1", ("train.betta", "Did you mean train.beta?", "--set train.betta=1")),
        ("train=1", ("unknown key train", "--set train=1")),
        ("=1", ("--set =1", "The sections are")),
        ("train.beta=", ("train.beta = ''", "--set train.beta=")),
        ("train.beta=1=2", ("train.beta = '1=2'", "number")),
    ],
)
def test_a_wrong_override_is_named(override: str, words: tuple[str, ...]) -> None:
    line = refusal(None, {}, override)
    assert all(word in line for word in words)


def test_the_file_is_blamed_for_its_own_value_and_not_for_one_that_was_overridden(toml: Path) -> None:
    toml.write_text("[train]\nbeta = 'x'\n")
    assert load(toml, {}, ["train.beta=0.5"]).train.beta == 0.5
    toml.write_text("[train]\nbeta = 0.5\n")
    line = refusal(toml, {"HEED_TRAIN_BETA": "x"})
    assert "HEED_TRAIN_BETA" in line
    assert str(toml) not in line


def test_the_file_that_init_writes_says_every_default_and_changes_none(toml: Path) -> None:
    toml.write_text(settings_text())
    assert load(toml, {}) == Settings()
    lines = settings_text().splitlines()
    taken = [line.removeprefix("# ") if " = " in line else line for line in lines]
    toml.write_text("\n".join(taken))
    assert load(toml, {}) == Settings()
    assert sum(line != old for line, old in zip(taken, lines, strict=True)) == len(keys())


def test_one_line_of_the_written_file_can_be_taken_up_and_changed(toml: Path) -> None:
    toml.write_text(settings_text().replace("# beta = 0.1 ", "beta = 0.25 "))
    assert load(toml, {}).train.beta == 0.25
    assert load(toml, {}) == load(None, {}, ["train.beta=0.25"])


def test_what_others_are_shown_of_the_settings_holds_no_password() -> None:
    """Prefect keeps what flows were given as JSON, and shows it in its UI."""
    told = [
        "capture.store=postgresql://heed:pass@word@db/feedback",
        "capture.secret=hush",
        "notify.webhook=http://x/hush",
    ]
    settings = load(overrides=[*told, "mlflow.tracking_uri=http://ada:hush@mlflow:5000"])
    shown = settings.model_dump_json()
    assert "hush" not in shown
    assert "pass" not in shown
    assert "postgresql://heed:***@db/feedback" in shown
    assert settings.capture.store == "postgresql://heed:pass@word@db/feedback"
