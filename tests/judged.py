"""An evaluation as MLflow and the registry keep it, made without training anything."""

from pathlib import Path

import polars as pl

from components.config import Settings
from components.records.handles import Decision, Estimate, Scorecard
from components.registry import decisions, models, promotion
from components.tracking import client, experiment
from components.workspace import Workspace

GATE = '[[check]]\nmeasure = "people/win_rate"\nat_least = 0.5\nneeds = 20\n'
HARM = "<img src=x onerror=\"document.title='run'\"><script>document.title = 'run'</script>"
SHORT, SAME = "- Yes.", "Word for word the same."


def answers() -> pl.DataFrame:
    """Sixty prompts. Of 50 the challenger's answer is the longer one for 35; the other 10 are answered alike.

    The judge is for the challenger in the first 40, so it is for the longer answer in 45 of the 50.
    """
    rows = []
    for number in range(60):
        long = f'=Yes, number {number}: first, then second. {HARM}\n\u2028 größer than "short", 1,5; or not'
        challenger, champion = (long, SHORT) if number < 35 else (SHORT, long) if number < 50 else (SAME, f"{SAME}\n")
        verdict = "challenger" if number < 40 else "champion" if number < 50 else "tie"
        rows.append((f"<b>Shall I</b> try number {number}?\n{HARM}", champion, challenger, verdict, True))
    return pl.DataFrame(rows, ["prompt", "champion", "challenger", "verdict", "consistent"], orient="row")


def evaluated(root: Path) -> tuple[Workspace, Scorecard]:
    """A workspace with a champion, and a challenger that was measured against it but not by people."""
    import mlflow

    (root / "mlflow").mkdir(parents=True, exist_ok=True)
    (root / "heed.toml").touch()
    (root / "mlflow" / "gate.toml").write_text(GATE)
    workspace = Workspace(root, Settings())
    registry = client(workspace)
    with mlflow.start_run(experiment_id=experiment(workspace)) as run:
        mlflow.log_table(answers().to_pandas(), "answers.json")
    registry.create_registered_model(models.POLICY)
    for step in ("first", "second"):
        registry.create_model_version(models.POLICY, root.as_uri(), tags={"heed.step": step, "heed.dataset": "d"})
    challenger, champion = models.versions(workspace, models.POLICY)
    scorecard = Scorecard(
        challenger=challenger,
        champion=champion,
        reward=challenger,
        dataset="d",
        judge="reward",
        measures={"policy/win_rate": Estimate(value=0.6, low=0.55, high=0.65, n=60)},
        run_id=run.info.run_id,
    )
    promotion.promote(workspace, champion, "the first")
    promotion.challenge(workspace, challenger)
    decisions.record(workspace, scorecard, Decision(outcome="hold", reasons=()), "inputs", "# card")
    return workspace, scorecard
