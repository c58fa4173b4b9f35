"""DuckDB in memory, for what its SQL does and Polars' expressions do not: hashes, and JSON row by row."""

import atexit
import os
import threading

import duckdb

_databases: "dict[int, duckdb.DuckDBPyConnection]" = {}
_opening = threading.Lock()
# DuckDB complains of what is still open when Python has ended.
atexit.register(_databases.clear)


def connection() -> "duckdb.DuckDBPyConnection":
    """A connection for a `with`; what is registered, set or made temporary in it is nobody else's.

    The database behind it is the process's only one, because to open one takes as long as to hash 100,000 texts.
    """
    with _opening:
        process = os.getpid()  # a forked child has a copy of the database, and none of its threads
        if process not in _databases:
            _databases[process] = duckdb.connect()
        return _databases[process].cursor()
