"""Signals that end the command: in order, and not between two files.

Python ends at once by SIGTERM, and leaves behind what lies aside. Here it is an
exception, as Ctrl-C is, so that every ``with`` puts its things away.
"""

import signal
import threading
from contextlib import contextmanager

ENDING = [
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Terminated(BaseException):
    """A signal asks the command to end; `status` is what a shell expects then."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


def handlers_of(numbers):
    """Handlers of signals by number: those that this thread may exchange."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    handlers = {number: signal.getsignal(number) for number in numbers}
    # None was not installed by Python, and could not be put back.
    return {number: how for number, how in handlers.items() if how is not None}


@contextmanager
def signals_raise():
    """Raise `Terminated` by signals that would end the process.

    A caller of `main` who handles or ignores them goes on to do so.
    """
    came, handlers = [], handlers_of(ENDING)

    def end(number, frame):
        came.append(number)
        # A second signal ends at once.
        signal.signal(number, signal.SIG_DFL)
        raise Terminated(number)

    ours = [n for n, handler in handlers.items() if handler is signal.SIG_DFL]
    try:
        for number in ours:
            signal.signal(number, end)
        yield
    except Exception as error:
        # Compiled code may have turned it into an exception of its own.
        if came:
            raise Terminated(came[0]) from error
        raise
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def held_back():
    """Let signals and Ctrl-C wait; lend a context in which they come through."""
    came, handlers = [], handlers_of([signal.SIGINT, *ENDING])

    def hold():
        for number in handlers:
            signal.signal(number, lambda number, frame: came.append(number))

    def release():
        for number, handler in handlers.items():
            signal.signal(number, handler)
        while came:
            signal.raise_signal(came.pop())

    @contextmanager
    def released():
        try:
            release()
            yield
        finally:
            hold()

    try:
        hold()
        yield released
    finally:
        release()
