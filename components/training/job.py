"""One training run, written down: what to learn from what, and where the result goes. Read top to bottom.

A job is a small JSON file, so that the same run can happen here or in every process of `accelerate launch`:

    python -m components.training.job JOB.json

It knows nothing of datasets' versions or of the registry.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from datasets import Dataset

CACHE = "cache"


class Tracking(BaseModel):
    """Where curves go.

    Attributes:
        uri: the MLflow tracking server or store.
        run_id: the run they belong to.
    """

    model_config = ConfigDict(frozen=True)

    uri: str
    run_id: str


class Job(BaseModel):
    """Everything a training run depends on.

    Attributes:
        label: what a person sees while it runs.
        objective: a name in `components.training.objectives.OBJECTIVES`.
        base: folder or hub name of the model to start from.
        revision: branch, tag or commit of a hub model.
        train: Parquet with the columns the objective names.
        validation: the same for the validation side; None for no validation loss.
        output: folder for checkpoints; the finished model is its `final` folder.
        epochs: passes over `train`.
        learning_rate: peak, or "auto" to go by the size of the model.
        batch_size: rows a step on one device.
        gradient_accumulation: steps before the weights move.
        max_length: tokens a row, longer ones are cut.
        checkpoint_steps: moves of the weights between checkpoints.
        lora_rank: 0 trains all weights.
        processes: 0 for one process a device.
        seed: order of the data, and new weights where there are any.
        options: what the objective alone knows (beta, loss_type, ...).
        tracking: the MLflow run for the curves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    objective: str
    base: str
    revision: str = "main"
    train: Path
    validation: Path | None = None
    output: Path
    epochs: float
    learning_rate: float | Literal["auto"] = "auto"
    batch_size: int
    gradient_accumulation: int = 1
    max_length: int = 1024
    checkpoint_steps: int = 50
    lora_rank: int = 0
    processes: int = 0
    seed: int = 0
    options: dict[str, Any] = {}
    tracking: Tracking | None = None

    @property
    def final(self) -> Path:
        """Folder of the finished model, whole as soon as it is there."""
        return self.output / "final"


def train(job: Job) -> Path:
    """Run a job in this process, from its last whole checkpoint where it has one; a job that is done stays done.

    Returns:
        The folder of the finished model and its tokenizer.

    Raises:
        BadInput: the base model or the settings do not fit.
    """
    from transformers import set_seed
    from transformers.trainer_callback import PrinterCallback

    from components.training import curves, models
    from components.training.objectives import OBJECTIVES

    if job.final.exists():
        return job.final
    set_seed(job.seed)
    objective = OBJECTIVES[job.objective]
    tokenizer = models.load_tokenizer(job.base, job.revision)
    model = models.load(job.base, job.revision, objective.KIND, tokenizer)
    with curves.preparing(job):
        trainer = objective.trainer(
            model=model,
            processing_class=tokenizer,
            arguments=models.arguments(job, model),
            options=job.options,
            train_dataset=_rows(job, job.train),
            eval_dataset=_rows(job, job.validation) if job.validation else None,
            peft_config=models.lora(job.lora_rank, objective.KIND),
            callbacks=curves.callbacks(job),
        )
    trainer.remove_callback(PrinterCallback)  # the bar and the curves say it
    trainer.train(resume_from_checkpoint=last_checkpoint(job.output))
    model = models.whole(trainer, job, objective.KIND)
    if model is not None:
        _place(model, tokenizer, job.final)
    trainer.accelerator.wait_for_everyone()
    return job.final


def last_checkpoint(output: Path) -> str | None:
    """The newest checkpoint that was written to its end; the trainer's state is the last file of one."""
    whole = [state.parent for state in output.glob("checkpoint-*/trainer_state.json") if _is_json(state)]
    newest = max(whole, key=lambda folder: int(folder.name.removeprefix("checkpoint-")), default=None)
    return str(newest) if newest else None


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text())
    except ValueError:
        return False
    return True


def _rows(job: Job, file: Path) -> "Dataset":
    """The rows of a side, with what is computed from them in a folder that all processes of the job share."""
    from datasets import Dataset

    return Dataset.from_parquet(str(file), cache_dir=str(job.output / CACHE))


def _place(model: Any, tokenizer: Any, final: Path) -> None:
    """Save aside and rename, so that a finished model is a whole one; what led to it is then no more use."""
    aside = final.with_name("final.part")
    shutil.rmtree(aside, ignore_errors=True)
    model.save_pretrained(aside)
    tokenizer.save_pretrained(aside)
    aside.replace(final)
    for checkpoint in final.parent.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    shutil.rmtree(final.parent / CACHE, ignore_errors=True)


if __name__ == "__main__":
    train(Job.model_validate_json(Path(sys.argv[1]).read_text()))
