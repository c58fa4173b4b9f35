"""The model card: one page of Markdown that tells a model's story. Knows nothing of where it is kept."""

from components.records.handles import Decision, Estimate, Scorecard

OUTCOMES = {
    "promote": "Promoted: it is measurably better than the champion and goes into service.",
    "ask": "It is measurably better than the champion, and goes into service when a person agrees.",
    "hold": "Held: there is not enough evidence to replace the champion.",
    "refuse": "Refused: a check failed and the champion stays.",
}


def model_card(scorecard: Scorecard, decision: Decision) -> str:
    """Which model this is, what it learned from, how it measures up, what the gate said, and how to load it.

    Args:
        scorecard: of the model as challenger.
        decision: of the gate on that scorecard.

    Returns:
        Markdown.
    """
    model, champion, reward = scorecard.challenger, scorecard.champion, scorecard.reward
    measures = "\n".join(_row(name, estimate) for name, estimate in scorecard.measures.items())
    reasons = "\n".join(f"- {reason}" for reason in decision.reasons)
    return f"""# {model.name} version {model.version}

| | |
|---|---|
| trained on | dataset version `{model.dataset}` |
| compared with | {champion.name} version {champion.version}, the champion then |
| measured on | the test side of dataset version `{scorecard.dataset}` |
{_tried(scorecard)}| judge | {scorecard.judge} |
| reward model | {reward.name} version {reward.version} |
| training run | `{model.run_id}` |
| evaluation run | `{scorecard.run_id}` |

## Decision

{OUTCOMES[decision.outcome]}

{reasons}

## Measures

Intervals are 95%, by bootstrap over prompts. `policy/` is this model, `champion/` the one it was compared with,
`reward/` the reward model and `judge/` who compared the answers.

| measure | value | 95% interval | n |
|---|---:|---:|---:|
{measures}

## Loading it

```python
import mlflow

{_loading(scorecard, decision)}
```
"""


def _tried(scorecard: Scorecard) -> str:
    if scorecard.best_of == 1:
        return ""
    return f"| settings | the best of {scorecard.best_of} that were tried, chosen on the validation side |\n"


def _row(name: str, estimate: Estimate) -> str:
    # a group is named by whoever sent the feedback, and a bar in its name would end the cell
    name = name.replace("|", "\\|")
    return f"| {name} | {estimate.value:.3f} | {estimate.low:.3f} to {estimate.high:.3f} | {estimate.n} |"


def _loading(scorecard: Scorecard, decision: Decision) -> str:
    model = scorecard.challenger
    this = f'model = mlflow.transformers.load_model("{model.uri}")  # this version'
    if decision.outcome != "promote":
        return this
    return f'model = mlflow.transformers.load_model("models:/{model.name}@champion")  # whatever is in service\n{this}'
