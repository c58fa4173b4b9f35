"""Loading what is trained and saying how: base models, tokenizers, LoRA, and the arguments every trainer shares."""

from typing import TYPE_CHECKING, Any, Literal

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
)
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from components.hub import place
from components.records.errors import BadInput
from components.training.scratch import CHAT_TEMPLATE

if TYPE_CHECKING:
    from components.training.job import Job

Kind = Literal["language", "classifier"]

# Peak learning rates that suit full training of models up to a size (parameters), by objective; LoRA takes ten times
# as much, because few weights move.
LEARNING_RATES: tuple[tuple[float, dict[str, float]], ...] = (
    (2e7, {"language": 3e-3, "supervised": 1e-3, "preference": 1e-4, "reward": 1e-3}),
    (1e9, {"language": 3e-4, "supervised": 2e-5, "preference": 1e-6, "reward": 2e-5}),
    (float("inf"), {"language": 1e-4, "supervised": 1e-5, "preference": 5e-7, "reward": 5e-6}),
)


def load(base: str, revision: str, kind: Kind, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """A model to train, in float32 (bfloat16 where a GPU has it, by autocast), with room for every token.

    Raises:
        BadInput: there is no such model, here or on the hub.
    """
    told = {"revision": revision, "dtype": torch.float32}
    try:
        if kind == "classifier":
            model = AutoModelForSequenceClassification.from_pretrained(place(base, revision), num_labels=1, **told)
        else:
            model = AutoModelForCausalLM.from_pretrained(place(base, revision), **told)
    except (OSError, ValueError) as error:
        raise _no_model(base, error) from None
    model.config.pad_token_id = tokenizer.pad_token_id
    if model.get_input_embeddings().num_embeddings < len(tokenizer):
        model.resize_token_embeddings(len(tokenizer))
    return model


def load_tokenizer(base: str, revision: str) -> PreTrainedTokenizerBase:
    """The model's tokenizer, with a padding token and a chat template whatever it came with.

    Raises:
        BadInput: there is none, here or on the hub.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(place(base, revision), revision=revision)
    except (OSError, ValueError) as error:
        raise _no_model(base, error) from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.chat_template is None:
        # A model that never saw a conversation learns this shape of one; the end is the token it knows as the end.
        end = tokenizer.eos_token or tokenizer.sep_token or "\n"  # an encoder parts texts and ends none
        tokenizer.chat_template = CHAT_TEMPLATE.replace("<|end|>", end)
    return tokenizer


def check(base: str, revision: str) -> None:
    """Look for a base model without loading its weights.

    Raises:
        BadInput: there is none, here or on the hub.
    """
    load_tokenizer(base, revision)
    try:
        AutoConfig.from_pretrained(place(base, revision), revision=revision)
    except (OSError, ValueError) as error:
        raise _no_model(base, error) from None


def _no_model(base: str, error: Exception) -> BadInput:
    first = str(error).strip().splitlines()[0]
    return BadInput(
        f"no model can be loaded from {base!r}: {first}",
        "base.model",
        "Name a folder with a saved Transformers model, or a hub name this machine can reach.",
    )


def lora(rank: int, kind: Kind) -> LoraConfig | None:
    """Low-rank adapters on every linear layer (https://arxiv.org/abs/2106.09685), or None for rank 0."""
    if not rank:
        return None
    task = "SEQ_CLS" if kind == "classifier" else "CAUSAL_LM"
    return LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type=task)


def whole(trainer: Trainer, job: "Job", kind: Kind) -> PreTrainedModel | None:
    """What was trained as one whole model that needs no adapter to load.

    All processes have to ask, because with FSDP or DeepSpeed each may have a part of the weights only.

    Returns:
        The model in the first process, None in the others.
    """
    spread = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped) if spread else {}
    if not trainer.is_world_process_zero():
        return None
    model = _holding(weights, trainer, job, kind) if spread else trainer.accelerator.unwrap_model(trainer.model)
    return model.merge_and_unload() if isinstance(model, PeftModel) else model


def _holding(weights: dict[str, torch.Tensor], trainer: Trainer, job: "Job", kind: Kind) -> PreTrainedModel | PeftModel:
    """Gathered weights in a model of this process alone: the trainer's own is in parts."""
    unset_hf_deepspeed_config()  # or it would be loaded in parts, and wait for the other processes
    model = load(job.base, job.revision, kind, trainer.processing_class)
    adapters = lora(job.lora_rank, kind)
    if adapters:
        model = get_peft_model(model, adapters)
    model.load_state_dict(weights)
    return model


def learning_rate(job: "Job", model: PreTrainedModel) -> float:
    """The job's learning rate, chosen by the number of weights where it says "auto"."""
    if job.learning_rate != "auto":
        return job.learning_rate
    size = model.num_parameters()
    rates = next(rates for limit, rates in LEARNING_RATES if size <= limit)
    return rates[job.objective] * (10 if job.lora_rank else 1)


def arguments(job: "Job", model: PreTrainedModel) -> dict[str, Any]:
    """What every TRL trainer is told: one place, so that all runs are saved, resumed and logged alike."""
    gpu = torch.cuda.is_available()
    return {
        "output_dir": str(job.output),
        "num_train_epochs": job.epochs,
        "learning_rate": learning_rate(job, model),
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.1,
        "per_device_train_batch_size": job.batch_size,
        "per_device_eval_batch_size": 2 * job.batch_size,
        "gradient_accumulation_steps": job.gradient_accumulation,
        "max_length": min(job.max_length, getattr(model.config, "max_position_embeddings", job.max_length)),
        "eval_strategy": "epoch" if job.validation else "no",
        "save_strategy": "steps",
        "save_steps": job.checkpoint_steps,
        "save_total_limit": 2,
        "logging_steps": 5,
        "seed": job.seed,
        "use_cpu": not gpu,
        "bf16": gpu and torch.cuda.is_bf16_supported(),
        "ddp_find_unused_parameters": False,
        "activation_checkpointing": gpu and model.num_parameters() > 1e9,
        "dataloader_pin_memory": gpu,
        "report_to": "none",
        "disable_tqdm": True,
    }
