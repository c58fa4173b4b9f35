"""A user said what was wrong, and was content with the next answer: it beats the one that provoked the correction.

The method is WildFeedback's (https://arxiv.org/abs/2408.15549). The better answer was given in a longer conversation;
as an answer to the first prompt it has to stand alone, so the apology it opens with is taken off: there is nothing to
apologise for any more, and a model would learn to say sorry unasked.
"""

import polars as pl

from components.records.messages import message, transcript

APOLOGY = (
    r"(?i)^(\s*((oh|ah|oops|ok|okay|yes)[,.!]\s*)?("
    r"((i( a|')?m|we( a|')?re) )?((so|very|really|terribly) )?sorry( (about|for) [^,.!?:;\n]*)?"
    r"|(please accept )?(my|our) (sincere )?(apologies|mistake|bad|error)( for [^,.!?:;\n]*)?"
    r"|(i|we) (do |sincerely )?apologi[sz]e( for [^,.!?:;\n]*)?"
    r"|apologies( for [^,.!?:;\n]*)?"
    r"|you( are|'re|’re) (absolutely |quite |completely |totally )?(right|correct)(,? sorry)?( about [^,.!?:;\n]*)?"
    r"|(thanks|thank you) for (pointing|letting|the correction|correcting|clarifying|catching|the feedback)"
    r"[^,.!?:;\n]*"
    r"|good (catch|point)"
    r")\s*([,.!:;]+|[—–]+|\s-+\s|\n)\s*)+"
)


def pairs(said: pl.DataFrame, stood: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The answer that satisfied over each that was corrected on the way to it, as answers to what those answered.

    An answer is corrected where a follow-up that is dissatisfied with it is the next thing said in the conversation.
    """
    corrected = _corrected(said, stood, known)
    satisfied = stood.filter(pl.col("liked") > 0).select("who", "created_at", end="interaction")
    met = [corrected.rename({"then": "end"}).join(satisfied, on=["who", "end"], maintain_order="left")]
    before = corrected.rename({"interaction": "earlier", "then": "interaction"})
    while met[-1].height:  # back along the conversations, to what was corrected before
        back = met[-1].join(before, on=["who", "interaction"], maintain_order="left")
        met.append(back.with_columns(interaction="earlier").drop("earlier"))
    rejected = known.select("prompt_key", rejected="response", interaction="id")
    chosen = known.select(chosen=standing_alone(pl.col("response")), end="id")
    return (
        pl.concat(met)
        .join(rejected, on="interaction", maintain_order="left")
        .join(chosen, on="end", maintain_order="left")
        .filter(pl.col("chosen").list.first().struct.field("content") != "")
        .with_columns(
            about="interaction",
            chosen_id="end",
            rejected_id="interaction",
            own=pl.lit(0.0),
            signals=pl.lit([], dtype=pl.List(pl.String)),
            position=pl.lit(None, pl.Int64),
        )
    )


def _corrected(said: pl.DataFrame, stood: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Answers that a complaint follows at once, and the next answer: `who`, `interaction`, `then`.

    Only next answers that the same user spoke about tell anything, so a conversation that thousands held word for word
    is not set against itself.
    """
    complaints = said.filter(pl.col("kind") == "followup", pl.col("said") < 0).drop_nulls("text")
    answered = known.select("prompt", "response", interaction="id")
    so_far = pl.concat_list("prompt", "response", message("user", pl.col("text")))
    told = complaints.join(answered, on="interaction", maintain_order="left").select(
        "who", "interaction", conversation=_spoken(so_far)
    )
    later = known.filter(pl.col("prompt").list.len() > 2).select(then="id", conversation=_spoken(pl.col("prompt")))
    spoken_of = stood.select("who", then="interaction").join(later, on="then", maintain_order="left")
    return (
        told.unique(["who", "conversation"], keep="last", maintain_order=True)
        .join(spoken_of, on=["who", "conversation"], maintain_order="left")
        .drop("conversation")
    )


def _spoken(messages: pl.Expr) -> pl.Expr:
    """A name for what was said, but for what the system was told, which may change, and blanks around it."""
    role, content = (pl.element().struct.field(name) for name in ("role", "content"))
    spoken = messages.list.eval(pl.element().filter(role != "system"))
    return transcript(spoken.list.eval(pl.struct(role=role, content=content.str.strip_chars()))).hash()


def standing_alone(response: pl.Expr) -> pl.Expr:
    """Answers without the apology they open with; "" where they are nothing else.

    "Sorry, but I cannot do that" is no apology for the answer before, and an answer of several messages stays whole.
    """
    text = response.list.last().struct.field("content")
    rest = text.str.replace(APOLOGY, "")
    begun = rest.str.head(1).str.to_uppercase() + rest.str.slice(1)
    apologises = (rest != text) & ~rest.str.contains(r"(?i)^but\b") & (response.list.len() == 1)
    return pl.when(apologises).then(message("assistant", begun)).otherwise(response)
