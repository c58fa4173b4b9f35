"""A command that is told to end does, whatever it is at."""

import subprocess
import sys

ENDED_IN_A_FINALIZER = """
import os, signal, time, weakref
from flows import cli

class Thing:
    pass

def finalize():
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000):
        pass

def command(standalone_mode):
    thing = Thing()
    weakref.finalize(thing, finalize)
    del thing
    time.sleep(20)

cli.app = command
cli.main()
"""


def test_a_signal_that_comes_while_python_tidies_up_ends_a_command() -> None:
    done = subprocess.run([sys.executable, "-c", ENDED_IN_A_FINALIZER], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "")
