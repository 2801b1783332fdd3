"""The files that a desk's market was founded on, kept by their SHA-256: an input, which the founding entry names."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import Connection

from voltadesk.desk.source import Source
from voltadesk.errors import CheckFailed
from voltadesk.store.database import insert


def save_files(connection: Connection, source: Source) -> None:
    """Keep the files of a scenario, each once."""
    for body in set(source.files.values()):
        insert(connection, "source", [(sha256(body).digest(), body)])


def read_file(connection: Connection, digest: str) -> bytes:
    """The file with that SHA-256 as hexadecimal text. Raises CheckFailed when it is not there as it was."""
    query = "SELECT body FROM source WHERE sha256 = ?"
    body = connection.exec_driver_sql(query, (bytes.fromhex(digest),)).scalar()
    if not isinstance(body, bytes) or sha256(body).hexdigest() != digest:
        raise CheckFailed(f"the scenario's file {digest} is missing, or was changed")
    return body
