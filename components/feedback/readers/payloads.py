"""Makes messages of what tracers record of a call: whatever went in, whatever came out. Knows no tracer.

A payload is a JSON value: a text, a list of messages, a request or a completion of a chat API, an object with one text
in it. What is none of these is said as the JSON it is.
"""

import polars as pl

from components.records.messages import MESSAGES
from components.records.sql import connection

# Roles as LangChain, Gemini and OpenAI call them, to what they are called here.
ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "function": "tool", "developer": "system"}
SAYS = {
    "user": ("content", "text", "question", "query", "prompt", "input", "message", "user_input", "instruction"),
    "assistant": ("content", "text", "answer", "response", "output", "completion", "result", "message", "raw"),
}
"""The keys that the words are looked for under, where an object is no request or completion that is known."""

# With functions and not with arrows, which DuckDB takes for lambdas inside a list function.
MACROS = f"""
    create temp macro part_of(v, key) as json_extract(v, '$.' || key);
    create temp macro text_of(v, key) as case json_type(v, '$.' || key) when 'VARCHAR'
        then json_extract_string(v, '$.' || key) end;
    create temp macro bare(v) as json_extract_string(v, '$');
    create temp macro part(v) as case json_type(v)
        when 'VARCHAR' then bare(v)
        when 'OBJECT' then coalesce(text_of(v, 'text'), text_of(v, 'value'), text_of(v, 'content'))
        end;
    create temp macro parts(list) as nullif(array_to_string(list_filter(
        list_transform(json_extract(list, '$[*]'), lambda one: part(one)), lambda one: one is not null), '\n\n'), '');
    create temp macro words(v) as case json_type(v)
        when 'NULL' then null
        when 'ARRAY' then coalesce(parts(v), v::varchar)
        when 'OBJECT' then coalesce(part(v), v::varchar)
        else bare(v) end;
    create temp macro role_of(message) as lower(coalesce(text_of(message, 'role'), text_of(message, 'type')));
    create temp macro turn(message, speaker) as {{
        role: coalesce(map {ROLES}[role_of(message)], role_of(message), speaker),
        content: coalesce(
            nullif(nullif(words(part_of(message, 'content')), ''), '[]'),
            text_of(message, 'text'),
            words(part_of(message, 'tool_calls'))
        )
    }};
    create temp macro turns(list, speaker) as
        list_transform(json_extract(list, '$[*]'), lambda one: turn(one, speaker));
    create temp macro is_turn(message) as
        text_of(message, 'role') is not null or coalesce(text_of(message, 'type'), '') in ('human', 'ai', 'system');
    create temp macro are_turns(list) as json_type(list) = 'ARRAY' and json_array_length(list) > 0
        and len(list_filter(json_extract(list, '$[*]'), lambda one: is_turn(one))) = json_array_length(list);
"""


def spoken(payloads: pl.Series, speaker: str) -> pl.Series:
    """What a column of payloads says.

    Args:
        payloads: JSON texts, shape (n,); a text that is no JSON is said as it is.
        speaker: "user" for what went in, "assistant" for what came out: says what nobody is named for.

    Returns:
        Messages, shape (n,), null where there is no payload.
    """
    if payloads.null_count() == len(payloads):
        return pl.Series("said", [None] * len(payloads), MESSAGES)
    texts = ", ".join(f"text_of(said, '{key}')" for key in SAYS[speaker])
    with connection() as db:
        db.sql(MACROS)
        db.register("payloads", pl.DataFrame({"payload": payloads.cast(pl.String)}).with_row_index("n").to_arrow())
        told = db.sql(f"""
            with told as (
                select n, case when json_valid(payload) then payload::json else to_json(payload) end as said
                from payloads
            ), known as (
                select n, said, json_type(said) as kind, words(part_of(said, 'system')) as system,
                    coalesce(part_of(said, 'messages'), part_of(said, 'input'), part_of(said, 'contents')) as request,
                    coalesce(
                        json_extract(said, '$.choices[0].message'),
                        case when is_turn(part_of(said, 'message')) then part_of(said, 'message') end,
                        case when is_turn(said) then said end
                    ) as reply,
                    json_keys(said) as keys,
                    case when keys[2] is null and regexp_full_match(keys[1], '\\w+')
                    then text_of(said, keys[1]) end as sole
                from told
            )
            select case
                when said is null or kind = 'NULL' then null
                when are_turns(said) then turns(said, '{speaker}')
                when kind = 'OBJECT' and are_turns(request) then
                    case when coalesce(system, '') = '' then [] else [{{role: 'system', content: system}}] end
                    || turns(request, '{speaker}')
                when reply is not null then [turn(reply, '{speaker}')]
                when kind = 'OBJECT' then
                    [{{role: '{speaker}', content: coalesce({texts}, sole, said::varchar)}}]
                else [{{role: '{speaker}', content: words(said)}}]
            end as said from known order by n
        """).pl()
    return told["said"].cast(MESSAGES)
