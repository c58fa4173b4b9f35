"""Prompts and answers that tell whoever judges them what to say, also where no reader sees it.

Looks at each text as a model reads it: without signs of no width, with full-width forms and Unicode tags as letters,
and without the marks of Markdown and HTML. The attack is described in https://arxiv.org/abs/2403.17710. Knows only
wordings: what is put in words of its own goes past it.
"""

import polars as pl

from components.records.messages import text_of
from components.validation.defences.reading import plain
from components.validation.finding import SUSPECTS
from components.validation.material import Material

BLOCK = 100_000  # pairs read at a time

TAGS = {chr(0xE0000 + sign): chr(sign) for sign in range(0x20, 0x7F)}
MARKUP = [*'<>*_`#[]()"“”\n\t\r', "--"]

# One word of each group, in this order and close to each other, is an order to whoever judges or reads.
_DROP = r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|overrule|do not follow|don.t follow|bypass)"
_RULES = r"(?:instructions?|prompts?|rules|guidelines|criteri(?:a|on)|rubrics?|directives)"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|original|your|system|all|the|any|grading|judging|scoring)"
_JUDGE = r"(?:judges?|graders?|evaluators?|raters?|reviewers?|scorers?|annotators?|ai reviewing)"
_GIVE = (
    r"(?:giv\w+|assign\w*|award\w*|rate|rank|score|grade|mark|choose|select|pick|prefer|output|print|return|declare|vote"
    r"|say)"
)
_PRIZE = (
    r"(?:(?:highest|maximum|max|perfect|top|full) (?:possible )?(?:score|marks?|rating|grade|points?)"
    r"|10 ?/ ?10|5 ?/ ?5|as (?:the )?(?:better|best|winner|preferred|superior))"
)
_SIDE = (
    r"(?:(?:response|answer|assistant|option|completion|output|model) (?:a|b|1|2|one|two)\b"
    r"|(?:first|second|this) (?:response|answer|reply|completion)\b)"
)
_BEST = r"(?:winner|better|best|superior|preferred|regardless|no matter|whatever)"
ENGLISH = (
    rf"\b{_DROP} (?:\w+ ){{0,2}}{_EARLIER} (?:\w+ ){{0,2}}{_RULES}\b",
    r"\b(?:forget|ignore|disregard) everything (?:\w+ ){0,3}(?:before|above|told|said|prior)\b",
    rf"\b{_JUDGE}\b[^.!?]{{0,30}}\b{_GIVE}\b[^.!?]{{0,40}}(?:{_SIDE}|{_PRIZE})",
    rf"\b{_GIVE} (?:\w+ ){{0,3}}{_PRIZE} (?:to|for) (?:\w+ )?(?:this\b|{_SIDE})",
    rf"\b(?:always|must|only|just) {_GIVE} (?:\w+ ){{0,3}}{_SIDE}",
    rf"\b{_GIVE} (?:that )?{_SIDE}[^.!?]{{0,20}}\b{_BEST}\b",
    rf"\b{_GIVE} (?:it|this|{_SIDE}) {_PRIZE}",
    r"\byour (?:final )?verdict (?:is|must|should|has)\b",
    rf"\b{_SIDE} (?:must|should|has to) (?:win|be (?:chosen|preferred|selected|the winner))\b",
    r"\boutput a and nothing else\b",
    r"\b(?:grading|judge|judging|evaluation) override\b",
)
# Drop, earlier and instructions in other languages; then judge or choose, and an answer.
ELSEWHERE = (
    r"\b(?:ignorier\w*|vergiss|missachte\w*|überschreibe\w*)\b.{0,30}\b(?:anweisung\w*|regeln|vorgaben|kriterien)\b",
    r"\b(?:bevorzuge|wähle|bewerte)\b.{0,20}\b(?:antwort (?:a|b|1|2)\b|diese antwort|höchst\w+ punktzahl|beste\w*)",
    r"\b(?:ignor\w+|oubli\w+)\b.{0,25}\b(?:instructions|consignes|règles|critères)\b",
    r"\b(?:choisis\w*|préfér\w+|sélectionne\w*)\b.{0,20}\b(?:réponse (?:a|b|1|2)\b|cette réponse|la première réponse)",
    r"\b(?:ignor\w+|olvid\w+|desestim\w+)\b.{0,25}\b(?:instrucciones|reglas|criterios)\b",
    r"\b(?:elige|elija|prefiere|selecciona|escoge)\b.{0,20}\b(?:respuesta (?:a|b|1|2)\b|esta respuesta)",
    r"\b(?:ignor\w+|esqueç\w+|desconsider\w+)\b.{0,25}\b(?:instruções|regras|critérios)\b",
    r"\bnota máxima\b.{0,20}\bresposta\b|\b(?:escolha|prefira)\b.{0,20}\bresposta (?:a|b|1|2)\b",
    r"\b(?:ignor\w+|dimentic\w+)\b.{0,25}\b(?:istruzioni|regole|criteri)\b",
    r"(?:忽略|无视|忘记|不要理会).{0,12}(?:指令|指示|提示|规则|说明|要求|标准)",
    r"(?:忽略|無視|忘記|不要理會).{0,12}(?:指令|指示|提示|規則|說明)",
    r"(?:指示|命令|指令|ルール|プロンプト|基準).{0,8}(?:無視|忘れ|従わない)",
    r"(?:지시|명령|지침|규칙).{0,12}(?:무시|잊)",
    r"\b(?:игнориру\w*|забудь\w*|проигнорируй\w*)\b.{0,30}\b(?:инструкци\w*|указани\w*|правил\w*|критери\w*)",
    r"(?:تجاهل|انس).{0,20}(?:التعليمات|القواعد|الأوامر|المعايير)",
    r"(?:निर्देशों|नियमों|निर्देश).{0,20}(?:अनदेखा|नज़रअंदाज|भूल)",
)


_NOUNS = ("response", "answer", "assistant", "option", "completion", "output", "model", "reply")
STEMS = (
    *(f"{noun} {name}" for noun in _NOUNS for name in ("a", "b", "1", "2", "one", "two")),
    *(f"{which} {noun}" for which in ("first", "second", "this") for noun in _NOUNS),
    *(
        "ignor",
        "disregard",
        "forget",
        "overrid",
        "overrul",
        "not follow",
        "t follow",
        "bypass",
        "verdict",
        "nothing else",
    ),
    *("judge", "grader", "evaluator", "rater", "reviewer", "scorer", "annotator", "ai reviewing"),
    *("highest", "maximum", "max ", "perfect", "full ", "top ", "10/10", "10 /10", "5/5", "mark it", "mark this"),
    *("vergiss", "missacht", "überschreib", "bevorzug", "wähle", "bewerte", "oubli", "choisi", "préfér", "sélection"),
    *("olvid", "desestim", "elige", "elija", "prefiere", "seleccion", "escoge", "esqueç", "desconsider", "nota máxima"),
    *("escolha", "prefira", "dimentic", "игнорир", "забудь", "تجاهل", "انس", "अनदेखा", "नज़रअंदाज", "भूल"),
    *("忽略", "无视", "忘记", "不要理会", "無視", "忘記", "不要理會", "忘れ", "従わない", "무시", "잊"),
)
"""Every order has one of these in it. They are looked for first, because that is a hundred times as fast."""


def suspect(material: Material) -> pl.DataFrame:
    """Pairs in whose prompt or answers somebody tells the judge, or the model, what to say."""
    pairs = material.preferences
    blocks = (pairs.slice(start, BLOCK) for start in range(0, pairs.height, BLOCK))
    return pl.concat([pl.DataFrame(schema=SUSPECTS), *map(_told, blocks)])


def _told(pairs: pl.DataFrame) -> pl.DataFrame:
    said = pairs.select("id", *(text_of(pl.col(name)).alias(name) for name in ("prompt", "chosen", "rejected")))
    found = [
        said.select("id", text=name).filter(orders(said[name])).select("id", where=pl.lit(where))
        for name, where in (("prompt", "prompt"), ("chosen", "chosen answer"), ("rejected", "rejected answer"))
    ]
    reason = pl.format("instructs the judge: an order to whoever judges is in the {}", "where")
    return pl.concat(found).select("id", reason=reason)


def orders(texts: pl.Series) -> pl.Series:
    """Whether texts give an order to whoever judges them.

    Args:
        texts: shape (n,).

    Returns:
        Booleans, shape (n,).
    """
    text = pl.col("text")
    tagged = pl.when(text.str.contains("[\U000e0020-\U000e007e]")).then(text)
    marked = pl.when(text.str.contains("<", literal=True)).then(text)
    told = (
        texts.alias("text")
        .to_frame()
        .select(text=pl.coalesce(tagged.str.replace_many(TAGS), text))
        .select(text=plain(text))
        .select(text=pl.coalesce(marked.str.replace_all(r"</?\w[^<>]*>", " "), text))
        .select(text=text.str.replace_many(MARKUP, [" "] * len(MARKUP)))
        .with_row_index("row")
    )
    spaced = pl.when(text.str.contains("  ", literal=True)).then(text)
    single = pl.coalesce(spaced.str.replace_all(" +", " "), text)
    sure = (
        told.with_columns(text=single)
        .filter(text.str.contains_any([*STEMS]))
        .filter(text.str.contains("|".join([*ENGLISH, *ELSEWHERE])))
    )
    return told.select(pl.col("row").is_in(sure["row"].implode())).to_series()
