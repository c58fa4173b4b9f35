"""What is measured. Knows nothing of how the evidence was gathered.

A metric is one file beside this one and one line in METRICS. Its `measure` takes the evidence, how many bootstrap
resamples to draw and their seed, and returns estimates by name, grouped by prefix: `reward/` for the reward model,
`policy/` for the challenger, `champion/` for the model in service, `judge/` for who compared them.
"""

from collections.abc import Callable

from components.evaluation.evidence import Evidence
from components.evaluation.metrics import (
    diversity,
    implicit_accuracy,
    judge_agreement,
    judge_consistency,
    judge_coverage,
    judge_length_bias,
    judge_position_bias,
    judge_self_preference,
    kl,
    kl_base,
    length,
    length_controlled_win_rate,
    must_pass,
    perplexity,
    policy_sycophancy,
    ranking_accuracy,
    refusals,
    reward_accuracy,
    reward_accuracy_newest,
    reward_ece,
    reward_margin,
    reward_temperature,
    speed,
    swapped_answers,
    sycophancy,
    win_rate,
)
from components.records.handles import Estimate

Metric = Callable[[Evidence, int, int], dict[str, Estimate]]

METRICS: dict[str, Metric] = {
    "win rate": win_rate.measure,
    "length controlled win rate": length_controlled_win_rate.measure,
    "judge coverage": judge_coverage.measure,
    "judge consistency": judge_consistency.measure,
    "judge agreement": judge_agreement.measure,
    "judge position bias": judge_position_bias.measure,
    "judge length bias": judge_length_bias.measure,
    "judge self preference": judge_self_preference.measure,
    "implicit accuracy": implicit_accuracy.measure,
    "ranking accuracy": ranking_accuracy.measure,
    "kl": kl.measure,
    "kl base": kl_base.measure,
    "length": length.measure,
    "diversity": diversity.measure,
    "refusals": refusals.measure,
    "perplexity": perplexity.measure,
    "policy sycophancy": policy_sycophancy.measure,
    "must pass": must_pass.measure,
    "speed": speed.measure,
    "reward accuracy": reward_accuracy.measure,
    "reward accuracy newest": reward_accuracy_newest.measure,
    "reward ece": reward_ece.measure,
    "reward temperature": reward_temperature.measure,
    "reward margin": reward_margin.measure,
    "sycophancy": sycophancy.measure,
    "swapped answers": swapped_answers.measure,
}
