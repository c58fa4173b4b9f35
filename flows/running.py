"""The commands for what runs by itself: everything up and down, on a schedule, when feedback lands."""

import os
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from components.records.errors import BadInput
from components.services.answering import answers
from flows import services
from flows.engine import prefect
from flows.terminal import Json, Overrides, Place, opened, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prefect.client.orchestration import SyncPrefectClient

    from components.workspace import Workspace

LEAST_SECONDS = 10
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
USUAL_PAUSE = "1h"


def up(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help=f"Start this alone, as in a container: {', '.join(services.NAMES)}."),
    ] = None,
    place: Place = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Everything that is needed on this machine: Prefect, MLflow, the capture service, workers. Ctrl-C stops it."""
    chosen = only or list(services.NAMES)
    if unknown := [name for name in chosen if name not in services.NAMES]:
        raise BadInput(f"there is no service {unknown[0]!r}", "--only", f"There are {', '.join(services.NAMES)}.")
    workspace = opened(place, overrides)
    from flows.up import up as run

    def ready(addresses: "Mapping[str, str]") -> None:
        lines = [f"{name:<9} {address}" for name, address in addresses.items()]
        say(as_json, dict(addresses), "\n".join(["heed is up.", *lines, "Stop: Ctrl-C, or heed down."]))

    run(workspace, chosen, overrides or [], ready)


def down(place: Place = None, as_json: Json = False) -> None:
    """Stop what `heed up` started."""
    workspace = opened(place)
    from flows.up import down as run

    stopped = run(workspace)
    say(as_json, {"stopped": stopped}, "Everything is stopped." if stopped else "Nothing was up.")


def watch(place: Place = None, overrides: Overrides = None) -> None:
    """Tell Prefect of what users say, as `heed up` does; for a machine where it runs alone."""
    workspace = opened(place, overrides)
    from flows.watch import watch as run

    run(workspace, threading.Event().is_set)


def schedule(
    cron: Annotated[str | None, typer.Option(help='Times, as "0 3 * * *".')] = None,
    every: Annotated[str | None, typer.Option(help="An interval, as 6h.")] = None,
    timezone: Annotated[str, typer.Option(help="Of the times, as Europe/Berlin.")] = "UTC",
    on_feedback: Annotated[int | None, typer.Option(min=1, help="So many new pieces of feedback start one.")] = None,
    on_drift: Annotated[
        int | None, typer.Option(min=1, help="So many things that differ from what was last accepted start one.")
    ] = None,
    at_most_every: Annotated[str, typer.Option(help="The least time between two of those, as 30m.")] = USUAL_PAUSE,
    off: Annotated[bool, typer.Option("--off", help="Start none by itself any more.")] = False,
    place: Place = None,
    as_json: Json = False,
) -> None:
    """When retraining starts by itself: by the clock, when feedback lands, or both. Without options: as it stands."""
    if cron and every:
        raise BadInput("both times and an interval", "--cron, --every", "Give one of them.")
    pause = _seconds(at_most_every, "--at-most-every")
    workspace = opened(place)
    wanted = _clock(cron, every, timezone)
    with prefect(workspace, "flows.deployments"):
        from prefect.client.orchestration import get_client

        from flows import deployments

        by_feedback = deployments.Trigger(feedback=on_feedback, drift=on_drift, at_most_every=pause)
        if wanted or on_feedback or on_drift or off:
            deployments.deploy(workspace)
        with get_client(sync_client=True) as client:
            if off:
                deployments.take_off_schedule(workspace, client)
                deployments.stop_on_feedback(workspace, client)
            if wanted:
                deployments.put_on_schedule(workspace, client, wanted)
            if on_feedback or on_drift:
                deployments.start_on_feedback(workspace, client, by_feedback)
            told = standing(workspace, client)
    say(as_json, told, in_words(told))


def by_itself(workspace: "Workspace") -> tuple[dict[str, Any], str]:
    """What is up, how much feedback waits, and when retraining starts by itself; the same in words."""
    from components.services import note

    found = note.read(workspace.state)
    if found is None and "PREFECT_API_URL" not in os.environ:
        return {"up": {}}, "up          nothing: `heed up` lets everything run by itself"
    addresses = found.addresses if found else {}
    lines = [f"{'up':<12}{name} at {address}" for name, address in addresses.items()]
    waits, waiting = _waiting(workspace)
    asked, clock = _asked(os.environ["PREFECT_API_URL"], workspace)
    return {"up": addresses} | waits | asked, "\n".join([*lines, waiting, clock])


def _waiting(workspace: "Workspace") -> tuple[dict[str, Any], str]:
    from components.feedback.capture.database import StoreDown
    from flows.watch import waiting

    try:
        count = waiting(workspace)
    except StoreDown as down:
        return {"waiting": None}, f"{'feedback':<12}the store of what is captured does not answer: {down}"
    return {"waiting": count}, f"{'feedback':<12}{count} pieces that no retraining has looked at"


def _asked(server: str, workspace: "Workspace") -> tuple[dict[str, Any], str]:
    from prefect.client.orchestration import get_client

    if not answers(f"{server.rstrip('/')}/health"):
        return {"prefect": None}, f"{'prefect':<12}{server} does not answer; `heed doctor` says how things are"
    with get_client(sync_client=True) as client:
        told = standing(workspace, client)
    return told, in_words(told)


def standing(workspace: "Workspace", client: "SyncPrefectClient") -> dict[str, Any]:
    """When retraining starts by itself: `clock`, `next` and `feedback`."""
    from flows import deployments

    clock = [_words(kept.schedule) for kept in deployments.schedules(workspace, client) if kept.active]
    following = deployments.next_run(workspace, client)
    found = deployments.trigger(workspace, client)
    return {
        "clock": clock,
        "next": following.expected_start_time.isoformat() if following and following.expected_start_time else None,
        "feedback": found.model_dump(mode="json") if found else None,
    }


def in_words(told: dict[str, Any]) -> str:
    """The same for a person."""
    following = f"; next {told['next']}" if told["next"] else ""
    lines = [f"{'clock':<12}{', '.join(told['clock']) or 'never'}{following}"]
    if found := told["feedback"]:
        pieces = [f"at {found['feedback']} new pieces"] if found["feedback"] else []
        drifts = [f"where {found['drift']} or more things have drifted"] if found["drift"] else []
        pause = _interval(timedelta(seconds=found["at_most_every"]))
        lines.append(f"{'trigger':<12}{' or '.join(pieces + drifts)}, at most every {pause}")
    else:
        lines.append(f"{'trigger':<12}never")
    return "\n".join(lines)


def _clock(cron: str | None, every: str | None, timezone: str) -> Any:
    """A schedule of Prefect's."""
    if not (cron or every):
        return None
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise BadInput(f"there is no time zone {timezone!r}", "--timezone", "Write it as Europe/Berlin.") from None
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

    if every:
        return IntervalSchedule(interval=timedelta(seconds=_seconds(every, "--every")), timezone=timezone)
    try:
        return CronSchedule(cron=cron or "", timezone=timezone)
    except ValueError:
        fix = 'Write minute, hour, day, month and weekday, as "0 3 * * *".'
        raise BadInput(f"{cron!r} names no times", "--cron", fix) from None


def _words(kept: Any) -> str:
    when = str(getattr(kept, "rrule", "as set in Prefect"))
    if hasattr(kept, "cron"):
        when = f'"{kept.cron}"'
    elif hasattr(kept, "interval"):
        when = f"every {_interval(kept.interval)}"
    return f"{when} {kept.timezone or 'UTC'}"


def _interval(time: timedelta) -> str:
    """As "6 hours"."""
    from humanize import precisedelta

    return precisedelta(time)


def _seconds(text: str, option: str) -> float:
    number, unit = text[:-1], text[-1:]
    try:
        seconds = float(number) * UNITS[unit]
    except (KeyError, ValueError):
        raise BadInput(f"{text!r} is no time", option, "Write it as 30s, 10m, 6h or 1d.") from None
    if not LEAST_SECONDS <= seconds < float("inf"):
        raise BadInput(f"{text!r} is too short or too long", option, f"The least is {LEAST_SECONDS}s.")
    return seconds
