"""The tree of settings with its defaults. A key is a section and a name, as in `train.beta`."""

import re
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer, field_validator, model_validator

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=65535)]
LearningRate = Positive | Literal["auto"]
LossType = Literal[
    "sigmoid",
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
    "sft",
    "sigmoid_norm",
]


PASSWORD = re.compile(r"(://[^:/@\s]*:)\S+(?=@)")
"""Of an address, as postgresql://user:password@host."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @field_serializer("*", when_used="json")
    def _show(self, value: Any) -> Any:
        """Others are shown settings as JSON, as in the Prefect UI: without the passwords in them."""
        return PASSWORD.sub(r"\1***", value) if isinstance(value, str) else value


class Capture(Section):
    """The capture service."""

    store: str = Field("", description="postgresql://… for a team's; empty for a SQLite file inside the workspace")
    host: str = "127.0.0.1"
    port: Port = Field(8787, description="0 for any that is free")
    upstream: str = Field(
        "", description="base URL of the OpenAI-compatible endpoint behind it, as https://…/v1; empty for the champion"
    )
    upstream_key: SecretStr = Field(SecretStr(""), description="its key; empty to pass on what the caller sends")
    secret: SecretStr = Field(
        SecretStr(""), description="key of the hash that stands for a user; empty for one made in the workspace"
    )
    cors_origins: list[str] = Field([], description="web origins whose pages may call, as https://app.example.com")
    body_bytes: Count = Field(1_048_576, description="longest body of one event or chat request")
    batch_bytes: Count = Field(268_435_456, description="longest batch")
    requests_per_second: Positive = Field(5000.0, description="for each key; a batch counts as one")


class Endpoint(Section):
    """A language model behind an OpenAI-compatible endpoint, for whatever asks one."""

    base_url: str = Field("", description="as https://…/v1")
    model: str = ""
    api_key: SecretStr = SecretStr("")
    budget: Count = Field(10_000, description="requests one command may make; what is remembered costs none")
    parallel: Count = Field(8, description="requests at a time")
    timeout: Positive = Field(60.0, description="seconds")


class Signals(Section):
    """Reading what feedback says."""

    detectors: list[str] = Field(["explicit", "rubrics"], description="who reads it")
    weights: dict[str, float] = Field(
        {}, description="detector to its say where several speak of one turn; one that is not named has 1"
    )
    language_model: str = Field("", description="for the detector likelihood: a causal LM, path or hub name")


class Preferences(Section):
    """Making preferences out of signals."""

    half_life: Positive = Field(180.0, description="days in which a preference loses half its weight")
    user_share: Share = Field(0.05, description="the largest share of all weight that one user may have")
    least_strength: Annotated[float, Field(ge=0, le=1)] = Field(0.3, description="weaker ones are left out")
    revise: bool = Field(False, description="let the endpoint's model write what a user asked for")


class Split(Section):
    """How prompts are shared out; the rest is the training side."""

    test: Share = 0.2
    validation: Share = 0.1
    newest: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.05, description="the newest of what would train, held out until it is older; 0 for none"
    )
    evaluation_sets: Annotated[str, Field(min_length=1)] = Field(
        "evaluation-sets", description="folder of files, in the workspace, whose prompts are never trained on"
    )

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> "Split":
        if self.test + self.validation >= 1:
            raise ValueError("split.test and split.validation leave nothing to train on")
        return self


class Base(Section):
    """The model everything starts from."""

    model: str = Field(
        "", description="a local path or hub name; empty to build a small one from the workspace's own conversations"
    )
    revision: str = Field("main", description="branch, tag or commit of a hub model")


class Sft(Section):
    """Supervised fine-tuning on the chosen answers."""

    epochs: Positive = 1.0
    learning_rate: LearningRate = Field("auto", description='"auto" goes by the size of the model')
    batch_size: Count = Field(16, description="examples a step on one device")
    max_length: Count = Field(1024, description="tokens; longer examples are cut")


class Train(Section):
    """Preference optimisation (TRL's DPO)."""

    loss_type: LossType = "sigmoid"
    beta: Positive = Field(0.1, description="how strongly the policy is held to the reference")
    sft_weight: Annotated[float, Field(ge=0)] = Field(
        0.2, description="how much of the chosen answers' own likelihood joins the loss, against garbled answers"
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] | Literal["measured"] = Field(
        0.0,
        description='for loss_type robust and exo_pair: the share of labels believed flipped; "measured" is what '
        "`heed report` finds",
    )
    epochs: Positive = 1.0
    learning_rate: LearningRate = Field("auto", description='"auto" goes by the size of the model')
    batch_size: Count = Field(16, description="pairs a step on one device")
    gradient_accumulation: Count = 1
    max_length: Count = Field(1024, description="tokens of prompt and answer; longer ones are cut")
    lora_rank: Annotated[int, Field(ge=0)] = Field(0, description="0 trains all weights")
    processes: Annotated[int, Field(ge=0)] = Field(
        0, description="0 for one process a device, or as accelerate's config file says; more go by accelerate"
    )
    accelerate: str = Field(
        "", description="accelerate's config file, as infra/accelerate/ has them; empty for the devices of this machine"
    )
    checkpoint_steps: Count = Field(50, description="steps between checkpoints: what a killed run can lose")
    seed: int = 0


class Reward(Section):
    """The reward model."""

    method: Literal["features", "classifier"] = Field(
        "features", description="a head on frozen sentence features, or TRL's RewardTrainer on a whole model"
    )
    encoder: str = Field("", description="sentence encoder for features: path or hub name; empty for the packaged one")
    model: str = Field("", description="for classifier: path or hub name; empty for the policy's base model")
    epochs: Positive = Field(1.0, description="for classifier")
    learning_rate: LearningRate = Field("auto", description="for classifier")
    batch_size: Count = Field(16, description="for classifier: pairs a step on one device")


class Evaluate(Section):
    """Measuring a challenger against the champion."""

    judge: str = Field("reward", description="who compares the answers")
    prompts: Count = Field(300, description="held-out prompts that both models answer")
    judge_pairs: Count = Field(
        100, description="people's preferences that a judge behind the endpoint is measured on; others are on all"
    )
    max_new_tokens: Count = 128
    temperature: Annotated[float, Field(ge=0)] = Field(0.7, description="0 answers greedily")
    resamples: Count = Field(2000, description="bootstrap resamples behind every interval")
    seed: int = 0


class Promotion(Section):
    """Putting a challenger into service."""

    approval: bool = Field(False, description="a person has to agree before a challenger goes into service")
    shadow: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="share of the users whose questions it answers unseen before anybody gets it; 0 for none"
    )
    canary: list[Share] = Field(
        [], description="shares of the users who get it first, as [0.05, 0.25], a step each; empty for all at once"
    )

    @field_validator("canary")
    @classmethod
    def _grows(cls, shares: list[float]) -> list[float]:
        if any(after <= before for before, after in pairwise(shares)):
            raise ValueError("each share must be larger than the one before")
        return shares

    @property
    def by_steps(self) -> bool:
        """Whether it is tried before everybody gets it."""
        return bool(self.shadow or self.canary)


class Mlflow(Section):
    """The tracking server and registry."""

    tracking_uri: str = Field("", description="empty for a SQLite store inside the workspace")
    artifacts: str = Field("", description="s3://… for a team's bucket; empty for a folder inside the workspace")


class Servers(Section):
    """The servers that `heed up` starts."""

    host: str = "127.0.0.1"
    prefect_port: Port = Field(4200, description="0 for any that is free")
    mlflow_port: Port = Field(5000, description="0 for any that is free")
    mlflow_auth: bool = Field(False, description="let MLflow ask everybody for a name and a password")
    metrics_port: Port = Field(8788, description="where Prometheus finds how the loop does; 0 for any that is free")


class Notify(Section):
    """Who is told what became of a retraining."""

    webhook: SecretStr = Field(
        SecretStr(""), description="address that gets a POST of JSON when one fails, is held or refused, or promotes"
    )


class Ray(Section):
    """A Ray cluster for the data stages and training; every node needs the workspace at the same path."""

    address: str = Field("", description='"auto" where this machine is a node of it, or its head as HOST:PORT')


class Settings(Section):
    capture: Capture = Capture()
    signals: Signals = Signals()
    preferences: Preferences = Preferences()
    endpoint: Endpoint = Endpoint()
    split: Split = Split()
    base: Base = Base()
    sft: Sft = Sft()
    train: Train = Train()
    reward: Reward = Reward()
    evaluate: Evaluate = Evaluate()
    promotion: Promotion = Promotion()
    mlflow: Mlflow = Mlflow()
    servers: Servers = Servers()
    ray: Ray = Ray()
    notify: Notify = Notify()
