"""The commands of the quarantine: what waits in it and why, and what a person decides about it."""

import json
from typing import Annotated, Any

import polars as pl
import typer

from components.records.errors import BadInput
from components.workspace import Workspace
from flows.terminal import Json, Place, opened, say

app = typer.Typer(help="Rows that were not taken, and what shall become of them.", no_args_is_help=True)

PAGE = 20  # groups
FILES = 3  # of a group
SHORT = 12  # characters of an id
LONG = 4000  # characters of a row

Ids = Annotated[list[str] | None, typer.Argument(help="Ids of rows, or their beginnings.", metavar="[ID]...")]
Reason = Annotated[str | None, typer.Option("--reason", help="All that wait with this text in a reason.")]


@app.command(name="list", epilog='Example: heed quarantine list --reason "is missing"')
def list_rows(
    reason: Annotated[str | None, typer.Option("--reason", help="Only those with this text in a reason.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what somebody has decided on.")] = False,
    place: Place = None,
    as_json: Json = False,
) -> None:
    """What waits, by reason, with the first rows of each."""
    workspace = opened(place)
    from components.validation import listing, quarantine

    rows = quarantine.rows(workspace.quarantine)
    waiting = int((rows["state"] == "waiting").sum())
    shown = rows if everything else rows.filter(pl.col("state") == "waiting")
    shown = shown if reason is None else listing.matching(shown, reason)
    found = listing.groups(shown).to_dicts()
    say(as_json, {"waiting": waiting, "shown": shown.height, "groups": found}, _page(found, shown.height, waiting))


@app.command(epilog="Example: heed quarantine explain 3f2a91c07b44")
def explain(
    id: Annotated[str, typer.Argument(help="Id of a row, or its beginning.")],
    place: Place = None,
    as_json: Json = False,
) -> None:
    """One row: what it says, every reason, where it came from, what was decided, what to do."""
    workspace = opened(place)
    from components.validation import decisions, quarantine

    chosen = _chosen(workspace, [id], None)
    row = chosen.row(0, named=True)
    row["row"] = quarantine.whole_rows(workspace.quarantine, chosen["id"])["row"].item()
    made = decisions.decisions(workspace.quarantine)
    made = made.filter(pl.col("ids").list.contains(row["id"])).select("at", "by", "state", "because", "row")
    told = row | {"decisions": made.to_dicts(), "next": _next(row)}
    say(as_json, json.loads(json.dumps(told, default=str)), _explained(told))


@app.command(epilog='Example: heed quarantine release 3f2a91c07b44 --because "a fair pair"')
def release(
    ids: Ids = None,
    reason: Reason = None,
    row: Annotated[
        str | None, typer.Option("--row", help="A mended row to take in the place of the one, as JSON.")
    ] = None,
    because: Annotated[str, typer.Option("--because", help="Why, for whoever asks later.")] = "by hand",
    place: Place = None,
    as_json: Json = False,
) -> None:
    """Let rows be taken up by the next ingest."""
    workspace = opened(place)
    from components.validation import quarantine

    chosen = _undecided(workspace, ids, reason)
    if row is not None:
        _refuse_bad_line(workspace, chosen, row)
    quarantine.release(workspace.quarantine, chosen, because, row)
    say(
        as_json,
        {"released": chosen.height},
        f"{_rows(chosen.height)} released. Next: heed ingest takes up what was released.",
    )


@app.command(epilog='Example: heed quarantine discard --reason "a tie" --because "ties teach nothing"')
def discard(
    because: Annotated[str, typer.Option("--because", help="Why, for whoever asks later.")],
    ids: Ids = None,
    reason: Reason = None,
    place: Place = None,
    as_json: Json = False,
) -> None:
    """Leave rows out for good. They stay readable: heed quarantine list --all."""
    workspace = opened(place)
    from components.validation import quarantine

    chosen = _undecided(workspace, ids, reason)
    quarantine.discard(workspace.quarantine, chosen, because)
    say(as_json, {"discarded": chosen.height}, f"{_rows(chosen.height)} discarded; they stay readable.")


def waiting(workspace: Workspace) -> dict[str, int]:
    """How many rows wait under each reason, the most first."""
    from components.validation import listing, quarantine

    rows = quarantine.rows(workspace.quarantine).filter(pl.col("state") == "waiting")
    return dict(listing.groups(rows).select("reason", "count").iter_rows())


def _chosen(workspace: Workspace, ids: list[str] | None, reason: str | None) -> pl.DataFrame:
    """The rows a person names, by id or by reason."""
    from components.validation import listing, quarantine

    if bool(ids) == bool(reason):
        raise BadInput("name rows either by id or by --reason", "heed quarantine", "`heed quarantine list` shows both.")
    rows = quarantine.rows(workspace.quarantine)
    if reason:
        found = listing.matching(rows.filter(pl.col("state") == "waiting"), reason)
        if found.is_empty():
            raise BadInput(f'no row waits with "{reason}" in a reason', "--reason", "See `heed quarantine list`.")
        return found
    return pl.concat([_named(rows, id) for id in ids or ()]).unique("id", maintain_order=True)


def _undecided(workspace: Workspace, ids: list[str] | None, reason: str | None) -> pl.DataFrame:
    """The rows a person names, none of which has landed: what has is in dataset versions, and those stay."""
    chosen = _chosen(workspace, ids, reason)
    landed = chosen.filter(pl.col("state") == "landed")["id"]
    if len(landed):
        fix = "It is part of the dataset now. `heed forget USER` takes out all of a user."
        raise BadInput("this row was released and has landed", landed[0][:SHORT], fix)
    return chosen


def _named(rows: pl.DataFrame, id: str) -> pl.DataFrame:
    found = rows.filter(pl.col("id").str.starts_with(id.lower()))
    if found.is_empty():
        raise BadInput(f"no row in quarantine has the id {id}", "heed quarantine", "See `heed quarantine list --all`.")
    if found.height > 1:
        several = ", ".join(found["id"].head(3))
        raise BadInput(f"{found.height} rows have an id that begins with {id}", several, "Give more of the id.")
    return found


def _refuse_bad_line(workspace: Workspace, chosen: pl.DataFrame, mended: str) -> None:
    """Say at once what the next ingest would say of a mended line."""
    if chosen.height > 1:
        raise BadInput(f"one mended row for {chosen.height} rows", "--row", "Name the one row by its id.")
    if chosen["kind"].item() is not None or chosen["format"].item() is None:
        return
    from components.validation.batch import judge
    from flows.releasing import again

    reading = again(chosen.select("file", "line", pl.lit(mended).alias("row"), "format"))
    _, unsound = judge(reading.frames)
    bad = pl.concat([reading.problems, unsound])["reason"]
    if len(bad):
        raise BadInput(f"the mended row cannot be taken either: {bad[0]}", "--row", "Mend that too.")


def _page(groups: list[dict[str, Any]], shown: int, waiting: int) -> str:
    if not groups:
        return f"None of the {_rows(waiting)} that wait." if waiting else "Nothing waits in quarantine."
    lines = [f"Waiting for somebody to decide: {_rows(waiting)}. Shown: {_rows(shown)}."]
    for group in groups[:PAGE]:
        state = "" if group["state"] == "waiting" else f" [{group['state']}]"
        lines.append(f"\n{group['count']:>9,}  {group['reason']}{state}")
        files = [f"{file['file'] or 'unknown'} ({file['count']:,})" for file in group["files"][:FILES]]
        more = len(group["files"]) - FILES
        lines.append(f"           from {', '.join(files)}{f' and {more:,} more' if more > 0 else ''}")
        lines += [f"           {example['id'][:SHORT]}  {_stands(example)}" for example in group["examples"]]
    if len(groups) > PAGE:
        rest = sum(group["count"] for group in groups[PAGE:])
        lines.append(f"\n{rest:>9,}  for {len(groups) - PAGE} other reasons: narrow it with --reason, or see --json")
    lines.append("\nNext: heed quarantine explain ID, then release or discard it.")
    return "\n".join(lines)


def _stands(row: dict[str, Any]) -> str:
    line = "" if row["line"] is None else f":{row['line']}"
    return f"{row['file'] or 'unknown'}{line}"


def _explained(told: dict[str, Any]) -> str:
    what = f"a record of {told['kind']}" if told["kind"] else f"a line of {told['format'] or 'an unknown format'}"
    lines = [
        f"row       {told['id']}: {told['state']}",
        f"from      {_stands(told)}, {what}, held {told['at']:%Y-%m-%d %H:%M} UTC",
        *(f"reason    {reason}" for reason in told["reasons"]),
    ]
    lines += [
        f"{made['state']:<9} {made['at']:%Y-%m-%d %H:%M} UTC by {made['by']}: {made['because']}"
        + (f"; in its place: {made['row']}" if made["row"] else "")
        for made in told["decisions"]
    ]
    text = _pretty(told["row"])
    left = len(text) - LONG
    lines += ["", text[:LONG] + (f"… and {left:,} characters more (--json has all)" if left > 0 else "")]
    return "\n".join([*lines, "", told["next"]])


def _pretty(row: str) -> str:
    try:
        return json.dumps(json.loads(row), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return row


def _next(row: dict[str, Any]) -> str:
    id = row["id"][:SHORT]
    if row["state"] == "released":
        return "Next: heed ingest takes it up; heed quarantine discard takes the release back."
    if row["state"] == "landed":
        return "Nothing is left to do: it has been taken up."
    if row["state"] == "discarded":
        return f"It stays out. Take that back: heed quarantine release {id}"
    if row["kind"] is None and row["format"] is None:
        return f"Ingest a file with the mended row, then: heed quarantine discard {id} --because …"
    return (
        f"Right as it is:  heed quarantine release {id} --because …\n"
        f"Mended:          heed quarantine release {id} --row '{{…}}'\n"
        f"Not wanted:      heed quarantine discard {id} --because …"
    )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
