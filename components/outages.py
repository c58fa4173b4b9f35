"""Says in a line which of the things that heed leans on went away or refused, whatever error a library made of it."""

from pathlib import Path

from components.records.errors import BadInput
from components.workspace import room

AGAIN = "then run it again: it goes on from the last step that was finished."

SERVERS = {
    "botocore": ("the bucket", "AWS_ENDPOINT_URL"),
    "requests": ("MLflow's server", "mlflow.tracking_uri"),
    "httpx": ("the Prefect server", "PREFECT_API_URL"),
    "psycopg": ("the database", "mlflow.tracking_uri"),
}
"""The library that asks one to who that is, and the setting that says where it is."""

UNANSWERED = ("Connect", "Timeout", "Operational", "RemoteProtocol", "ReadError")
"""Words in the names of their errors, where nobody answered."""

REFUSED = {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}
"""What MLflow calls it when it knows an account not, or does not let it."""


def said(error: BaseException, place: Path) -> BadInput | None:
    """The line; None where nothing went away or refused, or the error says it already.

    Args:
        error: that ended some work.
        place: where it was done.
    """
    if isinstance(error, BadInput):
        return None
    if room.ran_out(error):
        return BadInput("the disk is full", place, f"Make room, {AGAIN}")
    for one in _chain(error):
        if type(one).__module__ == "mlflow.exceptions" and getattr(one, "error_code", "") in REFUSED:
            fix = f"Name another account, or have its administrator let this one, {AGAIN}"
            return BadInput("MLflow does not let this account do that", "MLFLOW_TRACKING_USERNAME", fix)
        who, where = SERVERS.get(type(one).__module__.split(".")[0], ("", ""))
        if who and any(word in type(one).__name__ for word in UNANSWERED):
            # Not in the library's words, which may have the address with a password in it.
            return BadInput(f"{who} does not answer ({type(one).__name__})", where, f"Bring it back, {AGAIN}")
    return None


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
