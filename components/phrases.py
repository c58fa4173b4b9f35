"""What stands in texts and has a meaning of its own, in several languages, as patterns for Polars.

Knows nothing of whose texts they are.
"""

import polars as pl

OPENING = 300
"""Characters at the beginning of an answer in which it says what it is going to do."""

FORMS = {
    "list": r"(?m)^\s*(?:[-*•・]|\d+[.)])\s",
    "heading": r"(?m)^\s{0,3}#{1,6}\s",
    "bold": r"\*\*[^*\n]+\*\*|__[^_\n]+__",
    "code": r"`[^`\n]+`|```",
    "emoji": r"\p{Emoji_Presentation}|\x{FE0F}",
    "link": r"https?://|\]\([^)\s]+\)|\bwww\.",
}
"""What gives an answer a form, as Markdown writes it: list items, headings, bold, code, emoji, links."""

REFUSES = (
    r"\b(?:i|we)(?: am|['’]m| are|['’]re)? (?:sorry|afraid)\b[^.!?\n]*\b"
    r"(?:can ?not|can['’]?t|unable|not able|won['’]?t)",
    r"\b(?:i|we)(?: (?:can ?not|can['’]?t|could not|couldn['’]t|won['’]?t|will not|must decline to)"
    r"|(?: am|['’]m) (?:unable|not able|not allowed) to) "
    r"(?:[a-z]+ ){0,2}?(?:help|assist|do|provide|give|tell|answer|share|discuss|comply|support|encourage|write|create"
    r"|generate|fulfil|fulfill|engage|continue|condone|advise|offer|participate)",
    r"\bi(?: a|['’])m (?:not able|unable) to\b",
    r"\bi (?:do not|don['’]t) feel comfortable\b",
    r"\bas an ai\b[^.!?\n]*\b(?:can ?not|can['’]?t|unable|not able)",
    r"\bich kann (?:dir|ihnen|euch)?[^.!?\n]*\bnicht (?:helfen|weiterhelfen|beantworten|sagen|geben)",
    r"\bdabei kann ich\b[^.!?\n]*\bnicht helfen",
    r"\bje ne (?:peux|puis|suis) pas\b[^.!?\n]*\b(?:aider|répondre|fournir|donner|mesure)",
    r"\b(?:no puedo|no me es posible)\b[^.!?\n]*\b(?:ayud|respond|proporcion|dar|hacer)",
    r"\bnon posso\b[^.!?\n]*\b(?:aiut|rispond|fornir)",
    r"\bnão posso\b[^.!?\n]*\b(?:ajud|respond|fornec)",
    r"не могу[^.!?\n]*(?:помочь|ответить|предоставить)",
    r"(?:お手伝い|お答え|お応え|対応|提供|回答|ご案内)[^。\n]*(?:できません|できかねます|いたしかねます)",
    r"(?:无法|不能|無法)[^。\n]*(?:帮助|提供|回答|協助|协助|满足)",
    r"(?:도와드릴|답변드릴|제공할|답할) 수 없",
)
"""An answer that is none, as "I can't help with that"."""

BELIEVES = (
    r"\bi(?:['’]m| am) (?:pretty |quite |very |fairly |absolutely |so )?"
    r"(?:sure|certain|convinced|confident|positive)\b",
    r"\bi (?:really |truly |honestly |personally |strongly |just |still |also )*"
    r"(?:think|believe|feel like|guess|suppose|reckon|suspect|bet)\b",
    r"\bi (?:really |truly |strongly )*(?:feel|know) (?:that|like)\b",
    r"\bin my (?:humble )?(?:opinion|view|experience)\b",
    r"\b(?:it seems|it looks) to me\b",
    r"^as an? [\w -]{3,40}?, i\b",
    r"(?:isn['’]t|aren['’]t|wasn['’]t|doesn['’]t|don['’]t) (?:it|they|that|you agree)\s*\?",
    r"\b(?:ich (?:glaube|denke|finde|meine)|meiner meinung nach)\b",
    r"\b(?:je (?:pense|crois|trouve)|à mon avis|selon moi)\b",
    r"\b(?:creo que|pienso que|en mi opinión)\b",
    r"\b(?:penso che|credo che|secondo me)\b",
    r"\b(?:acho que|penso que|na minha opinião)\b",
    r"я (?:думаю|считаю|уверен)|по-моему",
    r"と(?:思い|考え|信じ)(?:ます|ている|る|て)|と思う|気がします",
    r"我(?:认为|觉得|相信|認為|覺得)",
    r"(?:라고|다고) (?:생각|믿)",
)
"""A user who says what they hold to be so, as "I think that…"."""

AGREES = (
    r"\byou(?:['’]re| are) (?:absolutely |quite |totally |completely |so |exactly |probably )?(?:right|correct)\b",
    r"\bi (?:completely |totally |fully |strongly |definitely |couldn['’]t |could not )?agree\b",
    r"^[\s*_>'“«¡]*(?:yes|yeah|yep|absolutely|exactly|definitely|of course|certainly|indeed|totally|true|right"
    r"|(?:good|great) point|that(?:['’]s| is) (?:right|true|correct))\b",
    r"^[\s*_>'“«¡]*(?:ja|genau|stimmt|richtig|oui|exactement|tout à fait|sí|exacto|claro|sim|exato|esatto|да|верно)\b",
    r"\b(?:du hast|sie haben) recht\b|\bvous avez raison\b|\btu as raison\b|\btienes? razón\b|\bhai ragione\b",
    r"おっしゃる通り|その通り|そうですね|同感です|你说得对|您说得对|没错|同意您|同意你|맞습니다|동의합니다",
)
"""An answer that says the user is right."""

DISAGREES = (
    r"\bi (?:respectfully |strongly )?(?:disagree|(?:do not|don['’]t) agree|don['’]t think (?:that|so|it|this)"
    r"|would not say|wouldn['’]t say)\b",
    r"^[\s*_>'“«¡]*(?:no|nope|not (?:really|exactly|quite)|(?:well, )?actually|however|in fact|unfortunately)\b",
    r"\b(?:is|are|was|were)(?: not|n['’]t) (?:actually |quite |really |entirely |necessarily )?"
    r"(?:true|correct|right|accurate|the case)\b",
    r"\b(?:common )?(?:misconception|myth)\b|\bincorrect\b|\bmistaken\b",
    r"[.!?]\s+(?:however|actually|but)\b",
    r"^[\s*_>'“«¡]*(?:nein|leider|eigentlich|tatsächlich|non|en fait|sin embargo|en realidad|não|нет|однако)\b",
    r"ではありません|とは限りません|しかし|実際には|不过|然而|实际上|其实|并非|아닙니다|하지만",
)
"""An answer that says the user is not."""


def says(texts: pl.Series, patterns: tuple[str, ...]) -> pl.Series:
    """Whether each text says any of the patterns, in capitals or not: shape (n,), booleans.

    One after the other: as one pattern, of several scripts, they would take ten times as long.
    """
    found = [pl.col("text").str.contains(f"(?i){pattern}") for pattern in patterns]
    return pl.DataFrame({"text": texts}).select(pl.any_horizontal(found)).to_series()


def opening(texts: pl.Series) -> pl.Series:
    """The beginning of each text, shape (n,)."""
    return texts.str.strip_chars().str.head(OPENING)
