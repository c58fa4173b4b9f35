"""What a run shows while it trains: a bar for a person, curves for MLflow. Only the first process speaks."""

import os
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from components import progress

if TYPE_CHECKING:
    from components.training.job import Job, Tracking


def callbacks(job: "Job") -> list[TrainerCallback]:
    """The callbacks of a job."""
    curves = [Curves(job.tracking)] if job.tracking else []
    return [Bar(job.label), *curves]


def preparing(job: "Job") -> AbstractContextManager[object]:
    """What a person sees until the first step; there is no trainer yet that knows which process this is."""
    first = os.environ.get("RANK", "0") == "0"
    return progress.step(f"{job.label}: prepare") if first else nullcontext()


class Bar(TrainerCallback):
    """A progress bar over the steps of a run."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.open = ExitStack()

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.is_world_process_zero:
            self.advance = self.open.enter_context(progress.step(self.label, state.max_steps))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.is_world_process_zero:
            self.advance(state.global_step)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.open.close()


class Curves(TrainerCallback):
    """Everything the trainer logs, as MLflow metrics at their step."""

    def __init__(self, tracking: "Tracking") -> None:
        self.tracking = tracking

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not state.is_world_process_zero or not logs:
            return
        from mlflow import MlflowClient
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [
            Metric(f"train/{name.replace('@', '_at_')}", float(value), now, state.global_step)
            for name, value in logs.items()
            if isinstance(value, int | float)
        ]
        MlflowClient(self.tracking.uri).log_batch(self.tracking.run_id, metrics=metrics)
