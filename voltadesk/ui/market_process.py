"""The market in a process of its own: a runner there, and here what the screen asks it through.

A process has one interpreter: while it runs an interval in Python, no key is answered. The other process is forked off
before the screen is begun, so it starts with the desk as it was read. A pipe carries what is asked, by number, and
back come answers and frames. Whichever of the two dies, the pipe ends: the market's process then ends in order, as if
it had been told to, and the screen's says what happened and goes on showing what it has.

Tables are read here, from the same file: rows are made where they are shown.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from voltadesk.errors import VoltaDeskError
from voltadesk.store.desk import DATABASE, Receipt
from voltadesk.store.journal import Journal
from voltadesk.store.records import Records
from voltadesk.store.seat import Seat
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.frame_stream import FrameReceiver, FrameSender
from voltadesk.ui.runner import Runner

NICE = 5  # where both want the processor, the screen has three quarters of it
ENDING_S = 10.0  # how long the market may go on after the screen; nothing is half done when it's cut off
GONE_S = 5.0  # how long a process that has closed its pipe may take to be gone
_FRAME, _FAULT = -1, -2  # in the place of a question's number

Answer = TypeVar("Answer")


class MarketProcess:
    """The screen's side, as `Running` says it. The process is there at once, and heard once it is started."""

    def __init__(self, seat: Seat, **given: Any) -> None:
        """Takes over the seat's desk, which can't be used here any more; `given` is what `Runner` is given.

        To be made while the process has no other thread.
        """
        self.frame: DeskFrame | None = None
        self.fault = self.loss = ""  # the loss: that the process has gone
        self.folder, self.desk_id = seat.desk.journal.path.parent, seat.desk.id
        self._asked: dict[int, Future[Any]] = {}
        self._number = 0
        self._is_stopping = self._is_over = False
        self._lock = threading.Lock()
        self._readers = ThreadPoolExecutor(1, "voltadesk-reader")
        self._listener = threading.Thread(target=self._listen, name="voltadesk-listener", daemon=True)
        seat.desk.journal.close()
        context = get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, self._pipe, seat, given), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def process(self) -> int:
        """Its number."""
        return self._process.pid or 0

    def start(self) -> None:
        self._records = Records(Journal.open(self.folder / DATABASE))
        self._listener.start()

    def stop(self) -> None:
        self._is_stopping = True
        if self._listener.ident is None:
            self._pipe.close()
            return
        with suppress(OSError):
            self._send(0, "stop")
        self._listener.join()
        self._readers.shutdown(cancel_futures=True)
        self._records.journal.close()

    def close(self) -> None:
        """Wait until the process has gone, which keeps a snapshot of the desk first."""
        self.stop()
        self._pipe.close()
        self._process.join()

    def submit(self, kind: str, body: dict[str, Any]) -> Future[Receipt]:
        return self._ask("submit", kind, body)

    def read(self, question: Callable[[Records], Answer]) -> Future[Answer]:
        return self._readers.submit(question, self._records)

    def consult(self, question: Callable[[Seat], Answer]) -> Future[Answer]:
        return self._ask("consult", question)

    def play(self) -> Future[None]:
        return self._ask("play")

    def pause(self) -> Future[None]:
        return self._ask("pause")

    def set_speed(self, speed: int) -> Future[None]:
        return self._ask("set_speed", speed)

    def step(self, by: int) -> Future[None]:
        return self._ask("step", by)

    def go_to(self, moment_utc: int) -> Future[None]:
        return self._ask("go_to", moment_utc)

    def go_live(self) -> Future[None]:
        return self._ask("go_live")

    def sit(self, actor: str, key_file: Path) -> Future[None]:
        return self._ask("sit", actor, key_file)

    # Asking and listening ---------------------------------------------------------------------------------------------
    def _ask(self, name: str, *given: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # what was asked is done, even if nobody waits for it any more
        self._number += 1
        self._asked[self._number] = future
        with suppress(OSError):  # the listener learns of it, too
            self._send(self._number, name, *given)
        if self._is_over:
            self._refuse_asked()
        return future

    def _send(self, number: int, name: str, *given: Any) -> None:
        message = pickle.dumps((number, name, given), pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._pipe.send_bytes(message)

    def _listen(self) -> None:
        receiver = FrameReceiver()
        try:
            while True:
                number, said = pickle.loads(self._pipe.recv_bytes())  # noqa: S301  # it is this program's own
                if number == _FRAME:
                    self.frame = receiver.frame(said)
                    self.fault = self.frame.fault
                elif number == _FAULT:
                    self.fault = said
                elif isinstance(said, _Failure):
                    self._asked.pop(number).set_exception(said.error())
                else:
                    self._asked.pop(number).set_result(said)
        except (EOFError, OSError):
            self._say_why()
        finally:
            self._is_over = True
            self._refuse_asked()

    def _say_why(self) -> None:
        """The pipe has ended: the last frame says what happened, if that was not asked for."""
        if self._is_stopping or (self.frame is None and self.fault):
            return
        self._process.join(GONE_S)
        code = self._process.exitcode
        how = "" if code is None else f" by signal {-code}" if code < 0 else f" with {code}"
        self.fault = self.loss = f"the market's process was ended{how}: open the desk again"
        if self.frame is not None:
            self.frame = self.frame.ended(self.fault)

    def _refuse_asked(self) -> None:
        """Nobody answers any more: nothing must wait for ever."""
        while self._asked:
            with suppress(KeyError):
                future = self._asked.popitem()[1]
                future.set_exception(VoltaDeskError(self.fault or "the desk is being closed"))


class _Failure(NamedTuple):
    """An exception, which may take other arguments than it keeps."""

    kind: type[BaseException]
    given: tuple[Any, ...]
    known: dict[str, Any]

    def error(self) -> BaseException:
        error = self.kind.__new__(self.kind, *self.given)
        error.__dict__.update(self.known)
        return error


# The process ----------------------------------------------------------------------------------------------------------
def _run(pipe: Connection, theirs: Connection, seat: Seat, given: dict[str, Any]) -> None:
    """Run the market until the screen says it is enough, or is gone."""
    theirs.close()
    _leave_terminal()
    signal.signal(signal.SIGTERM, partial(_close_to, pipe))
    os.nice(NICE)
    gc.freeze()  # what is there by now stays: to go through it would copy what both processes share
    lock, sender = threading.Lock(), FrameSender()

    def send(number: int, said: object) -> None:
        message = pickle.dumps((number, said), pickle.HIGHEST_PROTOCOL)
        with lock, suppress(OSError):  # whoever waits for what is asked learns of it, too
            pipe.send_bytes(message)

    def hand_on(frame: DeskFrame | None, fault: str) -> None:
        if frame is None:
            send(_FAULT, fault)
        else:
            send(_FRAME, sender.changes(frame))

    def answer(number: int, future: Future[Any]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        send(number, future.result() if error is None else _Failure(type(error), error.args, vars(error)))

    try:
        seat.desk.reopen()
    except Exception as error:
        send(_FAULT, str(error))
        return
    runner = Runner(seat, hand_on=hand_on, **given)
    runner.start()
    with suppress(EOFError, OSError):
        while True:
            number, name, values = pickle.loads(pipe.recv_bytes())  # noqa: S301  # it is this program's own
            if name == "stop":
                break
            getattr(runner, name)(*values).add_done_callback(partial(answer, number))
    late = threading.Timer(ENDING_S, os._exit, (0,))  # while kernels are compiled there is nothing to lose
    late.daemon = True
    late.start()
    runner.stop()
    late.cancel()
    pipe.close()
    seat.desk.close()


def _leave_terminal() -> None:
    """Nothing is said there, and what it signals is for the screen, which passes it on."""
    with open(os.devnull, "r+b") as nothing:
        for number in range(3):
            os.dup2(nothing.fileno(), number)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _close_to(pipe: Connection, *signalled: object) -> None:
    """Have the pipe read as ended, so that the process ends in order. An exception could be lost on its way."""
    with suppress(OSError), socket.socket(fileno=os.dup(pipe.fileno())) as ours:
        ours.shutdown(socket.SHUT_RD)
