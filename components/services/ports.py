"""Whether a server can listen at a port of this machine."""

import socket


def free(host: str, port: int) -> int:
    """The port, or any that is free where it is 0.

    Raises:
        OSError: it is taken, or there is no such address here.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind((host, port))
        found: int = tried.getsockname()[1]
        return found
