"""Many signatures at once, on all processors.

Checking an Ed25519 signature holds the interpreter's lock, so that threads don't help: other processes check while this
one goes on with what they have found good. They are started when they are first worth it, are given signatures through
a pipe, answer with one byte each, and end when this process does. What they don't answer, whoever asked checks himself.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache

from voltadesk.errors import BadInput
from voltadesk.store.keys import PublicKey, strict_base64

CONTEXT = "command"  # what an actor's key signs commands for
HELPERS_LIMIT = 7
WORTH_HELPERS = 200  # signatures
FRAME = 50  # signatures that a helper is given at once
AHEAD = 2  # frames that a helper has before it
Signature = tuple[str, bytes, bytes]  # public key, signature, message

_LENGTH = struct.Struct(">I")
_helpers: list[subprocess.Popen[bytes]] = []
_owner = os.getpid()  # the process that the helpers are of
_wanted = min((os.cpu_count() or 1) - 1, HELPERS_LIMIT)
_lock = threading.Lock()


@lru_cache(maxsize=1 << 14)
def public_of(text: str) -> PublicKey | None:
    """The key that a command gives, None if it is none."""
    raw = strict_base64(text)
    try:
        return PublicKey((raw or b"")[-32:])
    except BadInput:
        return None


def is_good(text: str, signature: bytes, message: bytes) -> bool:
    """Whether the key of that text has signed the message as a command."""
    public = public_of(text)
    return public is not None and public.verify(signature, message, CONTEXT)


class Checking:
    """Signatures on their way through the helpers, a few frames ahead of whoever asks for them in their order.

    Nobody waits: what is not answered when it is asked for, the first frame among it, is checked by who asks.
    """

    def __init__(self, work: Sequence[Signature], helpers: Sequence[subprocess.Popen[bytes]]) -> None:
        self._frames = [work[at : at + FRAME] for at in range(0, len(work), FRAME)]
        self._frame_of = {item: number for number, frame in enumerate(self._frames) for item in frame}
        self._asked: dict[subprocess.Popen[bytes], list[int]] = {helper: [] for helper in helpers}
        self._next = 1
        self._good: set[Signature] = set()
        self._feed()

    def has_found_good(self, item: Signature) -> bool:
        """Whether a helper has said that it is good."""
        number = self._frame_of.get(item, 0)
        if number >= self._next:
            self._next = number + 1
        if item not in self._good:
            pipes = {helper.stdout.fileno(): helper for helper, asked in self._asked.items() if asked and helper.stdout}
            for pipe in select.select(list(pipes), [], [], 0)[0]:
                self._read(pipes[pipe])
            self._feed()
        return item in self._good

    def finish(self) -> None:
        """Take all answers out of the pipes."""
        for helper, asked in self._asked.items():
            while asked:
                self._read(helper)

    def _feed(self) -> None:
        for helper, asked in self._asked.items():
            while len(asked) < AHEAD and self._next < len(self._frames):
                frame = self._frames[self._next]
                fields = [field for text, signature, message in frame for field in (text.encode(), signature, message)]
                data = b"".join(_LENGTH.pack(len(field)) + field for field in fields)
                assert helper.stdin is not None
                _write_all(helper.stdin.fileno(), _LENGTH.pack(len(data)) + data)
                asked.append(self._next)
                self._next += 1

    def _read(self, helper: subprocess.Popen[bytes]) -> None:
        frame, answer = self._frames[self._asked[helper].pop(0)], b""
        assert helper.stdout is not None
        while len(answer) < len(frame):
            got = os.read(helper.stdout.fileno(), len(frame) - len(answer))
            if not got:
                raise BrokenPipeError
            answer += got
        self._good.update(item for item, is_one in zip(frame, answer, strict=True) if is_one)


@contextmanager
def checking(work: Sequence[Signature]) -> Iterator[Callable[[Signature], bool]]:
    """A test whether a signature is good, by helpers as far as they are worth it and free, else checked here."""
    with _lock if len(work) >= WORTH_HELPERS else nullcontext():
        helpers = _start() if len(work) >= WORTH_HELPERS else []
        found: Checking | None = None

        def test(item: Signature) -> bool:
            nonlocal found
            try:
                if found is not None and found.has_found_good(item):
                    return True
            except OSError:
                found = None
                stop(for_good=True)
            return is_good(*item)

        try:
            with suppress(OSError):
                found = Checking(work, helpers) if helpers else None
            yield test
            if found is not None:
                found.finish()
        except BaseException:
            stop()  # what is still in the pipes must not answer the next question
            raise


def _start() -> list[subprocess.Popen[bytes]]:
    """A helper for every processor but one; none any more where one has failed."""
    global _owner
    if _owner != os.getpid():  # after a fork: those are the parent's
        _helpers.clear()
        _owner = os.getpid()
    if any(helper.poll() is not None for helper in _helpers):
        stop(for_good=True)
    while len(_helpers) < _wanted:
        _helpers.append(_helper())
    return list(_helpers)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _helper() -> subprocess.Popen[bytes]:
    """A session of its own: what the terminal interrupts is this process, which ends its helpers itself."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@atexit.register
def stop(for_good: bool = False) -> None:
    """End the helpers, and start no others if it is for good."""
    global _wanted
    for helper in _helpers:
        for pipe in (helper.stdin, helper.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        helper.kill()
        helper.wait()
    _helpers.clear()
    _wanted = 0 if for_good else _wanted


def serve() -> None:
    """What a helper does until its pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    come, go = sys.stdin.buffer, sys.stdout.buffer
    while len(head := come.read(4)) == 4:
        data = come.read(_LENGTH.unpack(head)[0])
        fields, at = [], 0
        while at < len(data):
            (size,) = _LENGTH.unpack_from(data, at)
            fields.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        triples = zip(fields[::3], fields[1::3], fields[2::3], strict=True)
        go.write(bytes(is_good(text.decode(), signature, message) for text, signature, message in triples))
        go.flush()


if __name__ == "__main__":
    serve()
