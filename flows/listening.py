"""The commands that hear users: the capture service, its keys, forgetting, and reading signals."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.records.errors import BadInput
from flows.engine import prefect
from flows.terminal import Format, Json, Overrides, Place, opened, say

if TYPE_CHECKING:
    from flows.forget import Forgetting

keys = typer.Typer(help="Keys to the capture service.", no_args_is_help=True)
signals = typer.Typer(help="What users' words and acts say.", no_args_is_help=True)

Detectors = Annotated[
    list[str] | None, typer.Option("--detector", help="Who reads; may be given several times; default: the settings'.")
]
SCOPES = ("write", "read")


def serve(place: Place = None, overrides: Overrides = None, as_json: Json = False) -> None:
    """The capture service: takes in what users say and do, and passes chats on to the model behind it."""
    workspace = opened(place, overrides)
    from flows.serve import serve as run

    def ready(url: str) -> None:
        say(as_json, {"url": url}, f"heed listens at {url}\nThe page: {url}/   The API: {url}/docs   Stop: Ctrl-C")

    run(workspace, ready)


def forget(
    user: Annotated[str, typer.Argument(help="The user, as the application or the files name them.")],
    place: Place = None,
    as_json: Json = False,
) -> None:
    """Take a person out of the store and the next dataset version, and say where they still are."""
    workspace = opened(place)
    with prefect(workspace, "flows.forget"):
        from pydantic import SecretStr

        from flows.forget import forget as flow

        done = flow(workspace, SecretStr(user))
    say(as_json, done.model_dump(mode="json"), _forgetting(done))


@keys.command(name="add", epilog="Example: heed keys add web-app --scope write")
def add_key(
    name: Annotated[str, typer.Argument(help="Who it is for.")],
    scope: Annotated[list[str] | None, typer.Option("--scope", help="write or read; default: write.")] = None,
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Make a key; it is shown once and kept only as a hash."""
    scopes = scope or ["write"]
    if unknown := [given for given in scopes if given not in SCOPES]:
        raise BadInput(f"unknown scope {unknown[0]!r}", "--scope", f"The scopes are {' and '.join(SCOPES)}.")
    workspace = opened(place, overrides)
    from components.feedback.capture.store import Store

    with closing(Store(workspace.capture_store)) as store:
        token = store.add_key(name, scopes)
    say(as_json, {"name": name, "scopes": scopes, "key": token}, f"{token}\nIt is not shown again.")


@keys.command(name="list", epilog="Example: heed keys list --json")
def list_keys(place: Place = None, overrides: Overrides = None, as_json: Json = False) -> None:
    """The keys there are, without the keys themselves."""
    workspace = opened(place, overrides)
    from components.feedback.capture.store import Store

    with closing(Store(workspace.capture_store)) as store:
        known = store.keys()
    told = [{"name": key.name, "scopes": sorted(key.scopes), "revoked": bool(key.revoked_at)} for key in known]
    lines = [f"{key.name}: {', '.join(sorted(key.scopes))}{' (revoked)' if key.revoked_at else ''}" for key in known]
    say(as_json, {"keys": told}, "\n".join(lines) or "There are no keys: the service listens on this machine only.")


@keys.command(name="revoke", epilog="Example: heed keys revoke web-app")
def revoke_key(
    name: Annotated[str, typer.Argument(help="Who it was for.")],
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Take a key back; it opens nothing any more."""
    workspace = opened(place, overrides)
    from components.feedback.capture.store import Store

    with closing(Store(workspace.capture_store)) as store:
        if not store.revoke_key(name):
            raise BadInput(f"there is no key for {name!r} to revoke", "heed keys", "`heed keys list` shows them.")
    say(as_json, {"revoked": name}, f"The key for {name} opens nothing any more.")


@signals.command(epilog="Example: heed signals score conversations.jsonl.gz --detector rubrics > found.jsonl")
def score(
    file: Annotated[Path, typer.Argument(help="Conversations in any format the readers know.")],
    detector: Detectors = None,
    format: Format = None,
    place: Place = None,
    overrides: Overrides = None,
) -> None:
    """One JSON line for each user turn, in order: polarity, strength, rubric, evidence, detector."""
    workspace = opened(place, overrides)
    from flows.signals import score as run

    run(workspace, file, format, detector)


@signals.command(epilog="Example: heed signals train rated-conversations.txt.gz")
def train(
    files: Annotated[list[Path], typer.Argument(help="Conversations whose turns are rated.")],
    format: Format = None,
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Teach the detector `learned` from rated turns, and how far to trust each detector."""
    workspace = opened(place, overrides)
    from flows.signals import train as run

    done = run(workspace, files, format)
    say(
        as_json,
        asdict(done),
        f"{done.name} learned from {done.turns} turns, {done.dissatisfied} of them dissatisfied.\n"
        f"Of turns it had not seen it ranks a dissatisfied one above another {done.auc:.0%} of the time.\n"
        f"Next: heed signals score FILE --detector learned",
    )


def _forgetting(done: "Forgetting") -> str:
    if not (done.captured or done.removed or done.quarantined or done.earlier):
        return "Nobody of that name was found, so nothing was taken out. Name them exactly as the application does."
    removed = ", ".join(f"{count} {kind}" for kind, count in done.removed.items()) or "nothing"
    lines = [
        f"Taken out of the store: {done.captured} events. Out of the dataset: {removed}. "
        f"Out of the quarantine: {done.quarantined} rows.",
        f"Dataset version {done.dataset.hash[:12]} no longer holds them.",
    ]
    if done.earlier:
        lines.append("Earlier versions that still do:")
        lines += [
            f"  {earlier.hash[:12]} (commit {earlier.commit[:10]}, {earlier.told})"
            + ("" if earlier.known else ": not on this machine, so it may")
            for earlier in done.earlier
        ]
        lines.append("`dvc gc --workspace` (with --cloud for the remote) deletes every version but the present one.")
    if done.learned:
        lines.append(f"Models that learned from those versions: {', '.join(done.learned)}.")
    return "\n".join(lines)
