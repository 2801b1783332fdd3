"""The desk over its journal: one effect per key, rights by signature, and the same state after whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store import crash
from tests.store.crash import DESK_ID, FOUNDER, KEY, signed
from tests.store.server import BOTH
from tests.store.test_journal import change
from voltadesk.desk.refusal import Refusal
from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError
from voltadesk.store import desk as desk_module
from voltadesk.store import merkle
from voltadesk.store.anchor import Anchor, Head
from voltadesk.store.audit import verify
from voltadesk.store.canonical import canonical
from voltadesk.store.desk import Desk, OutcomeUnknown, Receipt
from voltadesk.store.journal import DATABASE
from voltadesk.store.keys import Key
from voltadesk.store.machine import SignedCommand, key_text, plain_bytes
from voltadesk.store.note import Verifier, verify_checkpoint

ROOT = Path(__file__).parent.parent.parent
ANN = Key.from_seed(b"a" * 32)
KILLS = int(os.environ.get("VOLTADESK_KILLS", "30"))


def add_ann(desk: Desk) -> None:
    desk.execute(signed("ann", "actor.add", name="ann", public_key=key_text(ANN.public)))
    desk.execute(signed("ann2", "role.grant", actor="ann", role="investor"))


# Idempotency keys -----------------------------------------------------------------------------------------------------
@BOTH
def test_a26_the_same_key_a_hundred_times_has_one_effect(folder: Path, desk: Desk) -> None:
    command = signed("k", "fund.invest", amount="100")
    first = desk.execute(command, time_utc=5)
    root, size = desk.state_root(), desk.journal.head().seq
    with Desk.open(folder) as other:
        answers = [(desk, other)[n % 2].execute(command, time_utc=n) for n in range(99)]
    assert {json.dumps(r.effects) for r in answers} == {json.dumps(first.effects)}
    assert all(receipt == first for receipt in answers)
    assert (first.outcome, desk.state_root(), desk.journal.head().seq) == ("done", root, size)
    assert desk.execute_many([command] * 100) == [first] * 100
    with pytest.raises(Refusal, match="KEY_CONFLICT: key = k"):
        desk.execute(signed("k", "fund.invest", amount="101"))
    with pytest.raises(Refusal, match="KEY_CONFLICT"):
        desk.execute(signed("k", "fund.withdraw"))
    assert desk.journal.head().seq == size
    assert desk.find(FOUNDER, "k") == first


def test_a26_within_one_batch(desk: Desk) -> None:
    one, other = signed("k", "fund.invest", amount="1"), signed("k", "fund.invest", amount="2")
    first, second, conflict = desk.execute_many([one, one, other])
    assert first == second
    assert isinstance(conflict, Refusal)
    assert conflict.code == "KEY_CONFLICT"


@BOTH
def test_a26_what_was_refused_stays_refused(desk: Desk) -> None:
    early = desk.execute(signed("early", "fund.redeem", shares="5"))
    assert early.outcome == "rejected:INSUFFICIENT_SHARES"
    desk.execute(signed("money", "fund.invest", amount="100"))
    assert desk.execute(signed("early", "fund.redeem", shares="5")) == early
    assert desk.execute(signed("late", "fund.redeem", shares="5")).outcome == "done"


def test_a_changed_key_answers_for_its_own_change(desk: Desk) -> None:
    """A command to change one's key is sent again with the old signature when its receipt was lost."""
    command = signed("rotate", "actor.rotate-key", public_key=key_text(ANN.public))
    receipt = desk.execute(command)
    assert desk.execute(command) == receipt
    assert desk.execute(signed("next", "fund.invest", amount="1")).outcome == "denied:BAD_ACTOR"
    assert desk.execute(signed("next", "fund.invest", private=ANN, amount="1")).outcome == "done"


# Rights ---------------------------------------------------------------------------------------------------------------
@BOTH
def test_a21_a_command_in_anothers_name(folder: Path, desk: Desk) -> None:
    add_ann(desk)
    root = desk.state_root()
    forged = signed("k", "fund.invest", by=FOUNDER, private=ANN, amount="100")
    assert desk.execute(forged).outcome == "denied:BAD_ACTOR"
    assert desk.execute(signed("k", "fund.invest", by="mallory", amount="100")).outcome == "denied:UNKNOWN_ACTOR"
    assert desk.state_root() == root
    assert desk.execute(signed("k", "fund.invest", amount="100")).outcome == "done"  # her key was not used up
    assert desk.execute(forged).outcome == "denied:BAD_ACTOR"
    counted = verify(folder)
    assert (counted.entries, counted.done, counted.denied) == (7, 4, 3)


def test_a21_a_signature_is_for_one_command_of_one_desk(desk: Desk) -> None:
    good = signed("k", "fund.invest", amount="100")
    others = [
        SignedCommand(good.actor, "other", good.kind, good.body, good.signature),
        SignedCommand(good.actor, good.key, "fund.withdraw", {}, good.signature),
        SignedCommand(good.actor, good.key, good.kind, {"amount": "200"}, good.signature),
        SignedCommand.sign(KEY, "1" * 32, FOUNDER, "k", "fund.invest", {"amount": "100"}),
        SignedCommand(good.actor, good.key, good.kind, good.body, b""),
    ]
    assert {desk.execute(other).outcome for other in others} == {"denied:BAD_ACTOR"}
    assert desk.execute(good).outcome == "done"
    assert desk.execute(others[2]).outcome == "denied:BAD_ACTOR"  # no word on what the key was used for


def test_denials_and_refusals_are_journaled(folder: Path, desk: Desk) -> None:
    add_ann(desk)
    outcomes = [
        desk.execute(signed("1", "market.halt", by="ann", private=ANN, reason="no")).outcome,
        desk.execute(signed("2", "market.halt", reason="pause")).outcome,
        desk.execute(signed("3", "fund.invest", by="ann", private=ANN, amount="1")).outcome,
        desk.execute(signed("4", "fund.invest", amount="0.1 €")).outcome,
        desk.execute(signed("5", "desk.create", currency="CHF", desk=DESK_ID)).outcome,
        desk.execute(signed("6", "actor.add", name="eve", public_key="A" * 43 + "=")).outcome,
    ]
    assert outcomes == [
        "denied:DENIED",
        "done",
        "denied:HALTED",
        "rejected:BAD_VALUE",
        "rejected:BAD_VALUE",
        "rejected:BAD_VALUE",
    ]
    assert [entry.fields["outcome"] for entry in desk.journal.tail(2)] == outcomes
    assert verify(folder).entries == 9


@pytest.mark.parametrize(
    ("actor", "key", "kind", "body", "field"),
    [
        ("", "k", "fund.invest", {}, "actor"),
        ("olga", "", "fund.invest", {}, "key"),
        ("olga", "k" * 101, "fund.invest", {}, "key"),
        ("olga", "a\nb", "fund.invest", {}, "key"),
        ("olga", "k", "fund.invest", {"amount": 1.5}, "body"),
        ("olga", "k", "fund.invest", {"amount": 2**60}, "amount"),
        ("olga", "k", "fund.invest", {"amount": "\ud800"}, "text"),
        ("olga", "k", "fund.invest", {"amount": "1" * 70_000}, "body"),
        ("olga", "k", 7, {}, "body"),
        ("olga", "k", "fund.invest", [], "body"),
    ],
)
def test_what_can_not_be_signed_is_not_journaled(
    desk: Desk, actor: Any, key: Any, kind: Any, body: Any, field: str
) -> None:
    with pytest.raises(Refusal, match=f"BAD_VALUE: {field} = "):
        desk.execute(SignedCommand(actor, key, kind, body, b""))
    assert desk.journal.head().seq == 0


# Opening, several processes -------------------------------------------------------------------------------------------
def test_a_desk_is_made_and_opened(tmp_path: Path) -> None:
    with Desk.create(tmp_path / "a" / "desk", "olga", KEY, "CHF", time_utc=7) as desk:
        assert desk.book.ledger.currency == "CHF"
        again = Desk.open(tmp_path / "a" / "desk")
        assert (again.id, again.state_root()) == (desk.id, desk.state_root())
        again.close()
    assert os.stat(tmp_path / "a" / "desk").st_mode & 0o777 == 0o700
    with pytest.raises(BadInput, match="is there already"):
        Desk.create(tmp_path / "a" / "desk", "olga", KEY)
    with pytest.raises(BadInput, match="is not there"):
        Desk.open(tmp_path)


@BOTH
def test_two_desks_open_see_each_other(folder: Path, desk: Desk) -> None:
    with Desk.open(folder) as other:
        desk.execute(signed("1", "fund.invest", amount="1"), time_utc=9)
        assert other.refresh() == 1
        assert other.refresh() == 0
        other.execute(signed("2", "fund.invest", amount="2"), time_utc=4)
        desk.execute(signed("3", "fund.invest", amount="3"))
        other.refresh()
        assert desk.state_root() == other.state_root() == verify(folder).state_root
    assert [entry.fields["time_utc"] for entry in desk.journal.tail(0)] == [9, 9, 9]  # time never goes back


@BOTH
def test_two_processes_lose_nothing(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.store.crash", "append", str(folder)]
    writers = [
        subprocess.Popen([*command, str(writer), "100"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for writer in range(2)
    ]
    for writer in writers:
        assert writer.communicate(timeout=60)[0].split() == [str(number) for number in range(-1, 100)]
        assert writer.returncode == 0
    assert verify(folder).entries == 201
    with Desk.open(folder) as desk:
        assert sorted(entry.fields["key"] for entry in desk.journal.tail(0)) == sorted(
            f"{writer}-{number}" for writer in range(2) for number in range(100)
        )


@BOTH
def test_many_signatures_are_checked_at_once(folder: Path, desk: Desk) -> None:
    """A key that changes within the batch counts from there on; a bad signature is found among the good ones."""
    new = Key.from_seed(b"n" * 32)
    commands = [signed(f"a{n}", "fund.invest", amount="1") for n in range(250)]
    commands.append(signed("rotate", "actor.rotate-key", public_key=key_text(new.public)))
    commands += [signed(f"b{n}", "fund.invest", private=(KEY, new)[n % 2], amount="1") for n in range(250)]
    receipts = desk.execute_many(commands)
    outcomes = [receipt.outcome for receipt in receipts if isinstance(receipt, Receipt)]
    assert outcomes == ["done"] * 251 + ["denied:BAD_ACTOR", "done"] * 125
    counted = verify(folder)
    assert (counted.done, counted.denied, counted.state_root) == (377, 125, desk.state_root())


def test_a_batch_has_one_state_root_and_the_same_effect(made: Path, folder: Path, desk: Desk, tmp_path: Path) -> None:
    commands = [crash.command(0, number) for number in range(20)]
    receipts = desk.execute_many(commands)
    assert all(isinstance(r, Receipt) and bool(r.state_root) == (n == 19) for n, r in enumerate(receipts))
    with Desk.open(Path(shutil.copytree(made, tmp_path / "one by one"))) as other:
        for command in commands:
            other.execute(command)
        assert other.state_root() == desk.state_root()
    assert verify(folder).state_root == desk.state_root()


# Storage that fails ---------------------------------------------------------------------------------------------------
@BOTH
def test_a_failure_after_the_commit_is_resolved_by_key(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write, failures = Anchor.write, iter([OSError(5, "Input/output error")])

    def fail_once(anchor: Anchor, head: Head) -> None:
        for failure in failures:
            raise failure
        write(anchor, head)

    monkeypatch.setattr(Anchor, "write", fail_once)
    receipt = desk.execute(signed("k", "fund.invest", amount="1"))
    assert receipt.outcome == "done"
    assert Anchor(desk.journal.path.with_suffix(".anchor")).read().seq == receipt.seq
    assert desk.execute(signed("k", "fund.invest", amount="1")) == receipt


@BOTH
def test_a_failure_that_lasts_leaves_the_outcome_unknown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(anchor: Anchor, head: Head) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Anchor, "write", fail)
        with pytest.raises(OutcomeUnknown, match="ask again with the same key"):
            desk.execute(signed("k", "fund.invest", amount="1"))
    receipt = desk.execute(signed("k", "fund.invest", amount="1"))
    assert receipt.seq == 1
    assert desk.journal.head().seq == 1


def test_a_full_disk_changes_nothing(folder: Path, desk: Desk) -> None:
    with desk.journal._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    root = desk.state_root()
    commands = [signed(str(number), "fund.invest", amount="1") for number in range(100)]
    with pytest.raises(VoltaDeskError, match=r"nothing was written: .*full"):
        desk.execute_many(commands)
    assert desk.find(FOUNDER, "0") is None
    assert desk.refresh() == 0
    assert desk.state_root() == root
    assert len(desk.execute_many(commands)) == 100  # opened anew, the limit is gone
    assert verify(folder).entries == 101


@BOTH
def test_a_fault_in_the_program_is_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    root = desk.state_root()
    with monkeypatch.context() as patch:
        patch.setattr(desk.book.fleet, "check", lambda: 1 // 0)  # after the money has moved
        with pytest.raises(ZeroDivisionError):
            desk.execute(signed("k", "fund.invest", amount="1"))
    assert desk.refresh() == 0
    assert desk.state_root() == root
    assert desk.execute(signed("k", "fund.invest", amount="1")).outcome == "done"


# Killed ---------------------------------------------------------------------------------------------------------------
@pytest.fixture
def memory_disk() -> Iterator[Path]:
    """A folder in memory where there is one: a kill takes nothing from the system's cache, so no disk is needed."""
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize("writers", [1, 2])
def test_a27_kill_9_loses_nothing_acknowledged(
    made: Path, memory_disk: Path, writers: int, record_property: Callable[[str, object], None]
) -> None:
    kills, lost, acknowledged, rounds = 0, 0, 0, 0
    while kills < KILLS // 2:
        folder = Path(shutil.copytree(made, memory_disk / f"desk{rounds}"))
        wanted = min(250, KILLS // 2 - kills)
        command = [sys.executable, "-m", "tests.store.crash", "kill", str(folder)]
        command += [str(wanted), str(writers), str(rounds)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, cwd=ROOT)
        said = json.loads(done.stdout)
        kills, rounds = kills + said["kills"], rounds + 1
        with Desk.open(folder) as desk:
            for writer, count in enumerate(said["acknowledged"]):
                acknowledged += count
                lost += sum(desk.find(FOUNDER, f"{writer}-{number}") is None for number in range(count))
        counted = verify(folder, with_tables=True)  # half-applied would not be: every root is compared
        assert counted.entries == 1 + sum(said["acknowledged"]) + writers  # one more each: none came twice
        if writers == 1:
            with Desk.open(Path(shutil.copytree(made, memory_disk / f"clean{rounds}"))) as clean:
                clean.execute_many([crash.command(0, number) for number in range(counted.entries - 1)])
                assert clean.state_root() == counted.state_root
    figure = f"{kills} SIGKILLs, {acknowledged} commands acknowledged before them, {lost} lost"
    record_property(f"{writers} writer{'s' if writers > 1 else ''}", figure)
    assert lost == 0


# Checks ---------------------------------------------------------------------------------------------------------------
def test_a_journal_written_anew_without_the_keys_is_found(folder: Path, desk: Desk) -> None:
    desk.execute(signed("1", "fund.invest", amount="100"))
    desk.execute(signed("2", "fund.invest", amount="100"))
    desk.close()
    with sqlite3.connect(folder / DATABASE) as raw:
        (body,) = raw.execute("SELECT body FROM entry WHERE seq = 2").fetchone()
    raw.close()
    fields = json.loads(body) | {"command": {"amount": "200"}}
    forge(folder, canonical(fields))
    with pytest.raises(CheckFailed, match="entry 2: it says done"):
        verify(folder)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"state_root": "00" * 32}, "entry 2: its state root"),
        ({"state_root": ""}, "inside a commit"),
        ({"outcome": "rejected:BAD_VALUE"}, "entry 2: "),
        ({"time_utc": -1}, "entry 2: "),
        ({"kind": "desk.create"}, "entry 2: "),
        ({"signature": ""}, "entry 2: it says done"),
        ({"command": []}, "entry 2"),
        ({"note": "more"}, "entry 2"),
    ],
)
def test_an_entry_that_says_what_is_not_so_is_found(
    folder: Path, desk: Desk, changes: dict[str, Any], problem: str
) -> None:
    desk.execute(signed("1", "fund.invest", amount="100"), time_utc=1)
    desk.execute(signed("2", "fund.invest", amount="100"), time_utc=1)
    fields = list(desk.journal.tail())[2].fields
    desk.close()
    forge(folder, canonical(fields | changes))
    with pytest.raises(CheckFailed, match=problem):
        verify(folder)


def forge(folder: Path, body: bytes) -> None:
    """Put another body in the place of entry 2, the last, with all the hashes that go with it."""
    leaf = merkle.leaf_hash(body)
    change(folder / DATABASE, ("UPDATE entry SET body = ?, leaf = ? WHERE seq = 2", (body, leaf)))
    anchor = (folder / DATABASE).with_suffix(".anchor")
    anchor.unlink()
    made = Anchor.create(anchor)
    made.write(Head(2, leaf))
    made.close()


def test_an_old_checkpoint_holds_the_manager_to_his_word(folder: Path, desk: Desk) -> None:
    receipt = desk.execute(signed("1", "fund.invest", amount="100"))
    verifier = Verifier(desk.origin, KEY.public)
    old = verify_checkpoint(desk.checkpoint(KEY), verifier)
    desk.execute(signed("2", "fund.invest", amount="100"))
    proof = desk.inclusion(receipt.seq, KEY)
    assert proof.entry is not None
    assert merkle.leaf_hash(proof.entry).hex() == receipt.leaf
    assert proof.verify(verifier).size == 3
    assert desk.consistency(old.size, KEY).verify(old, verifier).size == 3
    assert verify(folder, old).entries == 3


def test_whole_numbers_are_hashed_as_text() -> None:
    assert plain_bytes({"a": [2**70, True, None, (1,)]}) == b'{"a":["1180591620717411303424",true,null,["1"]]}'
    with pytest.raises(TypeError):
        plain_bytes({"a": 1.5})


AMOUNTS = st.sampled_from(["0.00000001", "1", "33.33333333", "1000", "-1", "x"])
COMMANDS = st.one_of(
    st.builds(lambda a: ("fund.invest", {"amount": a}), AMOUNTS),
    st.builds(lambda a: ("fund.redeem", {"shares": a}), AMOUNTS),
    st.builds(lambda a: ("fund.declare", {"amount": a, "return_of_capital": True}), AMOUNTS),
    st.sampled_from(
        [
            ("fund.withdraw", {}),
            ("market.halt", {"reason": "test"}),
            ("market.resume", {}),
            ("actor.add", {"name": "ann", "public_key": key_text(ANN.public)}),
            ("role.grant", {"actor": "ann", "role": "investor"}),
            ("role.revoke", {"actor": FOUNDER, "role": "investor"}),
        ]
    ),
)
STEPS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([FOUNDER, FOUNDER, "ann"]), COMMANDS, st.sampled_from(["", "open"])),
    max_size=12,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_opening_anew_at_any_time_changes_nothing(made: Path, tmp_path_factory: Any, steps: list[Any]) -> None:
    base = tmp_path_factory.mktemp("steps")
    folder = Path(shutil.copytree(made, base / "a"))
    straight = Desk.open(Path(shutil.copytree(made, base / "b")))
    desk = Desk.open(folder)
    commands = [
        SignedCommand.sign(KEY if by == FOUNDER else ANN, DESK_ID, by, str(key), kind, body)
        for key, by, (kind, body), _ in steps
    ]
    for command, step in zip(commands, steps, strict=True):
        if step[3]:
            desk.close()
            desk = Desk.open(folder)
        try:
            desk.execute(command)
        except Refusal as refusal:
            assert refusal.code == "KEY_CONFLICT"  # noqa: PT017
    straight.execute_many(commands)
    assert desk.state_root() == straight.state_root() == verify(folder).state_root
    assert desk.journal.head().seq == straight.journal.head().seq
    desk.close()
    straight.close()


def test_nothing_reads_the_clock() -> None:
    for name in ("desk", "machine"):
        text = Path(desk_module.__file__).with_name(f"{name}.py").read_text("utf-8")
        assert "import time" not in text
        assert "datetime" not in text
