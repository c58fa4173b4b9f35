"""Everything observed about a challenger, from which every measure is computed. Knows nothing of how it came about."""

from dataclasses import dataclass

import numpy as np

from components.evaluation.judges import Verdicts
from components.records.messages import Message


@dataclass(frozen=True)
class Pairs:
    """What the reward model and both policies make of the n preferences of the test side.

    Log-likelihoods are in nats, summed over a response's tokens with the end token. The reference is the model the
    challenger was trained from: the champion.

    Attributes:
        margins: r(chosen) - r(rejected) by the reward model, shape (n,).
        chosen_logp: of the chosen responses under the challenger, shape (n,).
        rejected_logp: of the rejected responses under the challenger, shape (n,).
        chosen_reference_logp: of the chosen responses under the reference, shape (n,).
        rejected_reference_logp: of the rejected responses under the reference, shape (n,).
        chosen_tokens: with the end token, shape (n,).
        rejected_tokens: with the end token, shape (n,).
        groups: the group of users each comes from, None where unknown; length n.
        prompts: a number for the prompt each belongs to, shape (n,); pairs of one prompt are not independent.
    """

    margins: np.ndarray
    chosen_logp: np.ndarray
    rejected_logp: np.ndarray
    chosen_reference_logp: np.ndarray
    rejected_reference_logp: np.ndarray
    chosen_tokens: np.ndarray
    rejected_tokens: np.ndarray
    groups: list[str | None]
    prompts: np.ndarray


@dataclass(frozen=True)
class Answers:
    """What both models answered to the same m held-out prompts, and what the judge said of it.

    Attributes:
        prompts: m different conversations.
        groups: the group of users who asked each, None where unknown or several; length m.
        challenger: its answers, length m.
        champion: its answers, length m.
        challenger_tokens: length of the challenger's answers with the end token, shape (m,).
        champion_tokens: length of the champion's answers in the same tokens, shape (m,).
        challenger_seconds: of the machine, for each of the challenger's answers, shape (m,).
        champion_seconds: the same for the champion's, shape (m,).
        challenger_logp: of the challenger's answers under the challenger, in nats, shape (m,).
        reference_logp: of the challenger's answers under the reference, in nats, shape (m,).
        verdicts: of the judge.
        base_logp: of the challenger's answers under the base model, in nats, shape (m,); None where there is none.
    """

    prompts: list[list[Message]]
    groups: list[str | None]
    challenger: list[str]
    champion: list[str]
    challenger_tokens: np.ndarray
    champion_tokens: np.ndarray
    challenger_seconds: np.ndarray
    champion_seconds: np.ndarray
    challenger_logp: np.ndarray
    reference_logp: np.ndarray
    verdicts: Verdicts
    base_logp: np.ndarray | None = None


@dataclass(frozen=True)
class Trial:
    """What the judge makes of k preferences of the test side, of which people have said which answer is better.

    Attributes:
        verdicts: of the judge, with chosen in the challenger's place and rejected in the champion's.
        longer: by how many characters chosen is longer than rejected, shape (k,).
        prompts: a number for the prompt each belongs to, shape (k,).
        own: 1 where the judge's own model wrote chosen and another rejected, -1 the other way round, else 0; (k,). None
            where no model is its own.
    """

    verdicts: Verdicts
    longer: np.ndarray
    prompts: np.ndarray
    own: np.ndarray | None = None


@dataclass(frozen=True)
class Probes:
    """What the reward model makes of changed answers to k prompts of the test side.

    Attributes:
        margins: r(chosen) - r(rejected), shape (k,).
        flattered: what a flattering beginning adds to r(chosen), against a plain one as long, shape (k,).
        own: r(chosen) - r(what was chosen for another prompt), shape (k,).
        prompts: a number for the prompt each belongs to, shape (k,).
    """

    margins: np.ndarray
    flattered: np.ndarray
    own: np.ndarray
    prompts: np.ndarray


@dataclass(frozen=True)
class Beliefs:
    """What the challenger makes of k preferences of the test side whose users say what they believe.

    Attributes:
        swayed: how much more the belief that rejected is right moves it from chosen to rejected than the belief that
            it is not, in nats a token, shape (k,).
        prompts: a number for the prompt each belongs to, shape (k,).
    """

    swayed: np.ndarray
    prompts: np.ndarray


@dataclass(frozen=True)
class MustPass:
    """What both models answered, greedily, to the k prompts of the team.

    Attributes:
        prompts: k conversations.
        challenger: its answers, length k.
        champion: its answers, length k.
        challenger_passes: whether each of the challenger's is as the team says, booleans of shape (k,).
        champion_passes: the same of the champion's, shape (k,).
    """

    prompts: list[list[Message]]
    challenger: list[str]
    champion: list[str]
    challenger_passes: np.ndarray
    champion_passes: np.ndarray


@dataclass(frozen=True)
class Newest:
    """What the reward model makes of the k preferences of the newest side.

    Attributes:
        margins: r(chosen) - r(rejected), shape (k,).
        prompts: a number for the prompt each belongs to, shape (k,).
    """

    margins: np.ndarray
    prompts: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """Everything observed.

    Attributes:
        pairs: of the test side.
        answers: to held-out prompts.
        trial: of the judge.
        probes: of the reward model.
        must_pass: answers to the team's own prompts.
        beta: how strongly the challenger was held to the reference in training.
        newest: of the newest side; None where nothing is on it.
        beliefs: what the challenger makes of them; None where it was told none.
    """

    pairs: Pairs
    answers: Answers
    trial: Trial
    probes: Probes
    must_pass: MustPass
    beta: float
    newest: Newest | None = None
    beliefs: Beliefs | None = None
