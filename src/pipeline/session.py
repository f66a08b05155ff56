"""Files that a source's module asks for itself, with several requests in one session."""

from __future__ import annotations

import importlib
import time
from pathlib import Path

from pipeline.catalog import Part, Request, Source
from pipeline.errors import ReadError
from pipeline.web import Client, RetrievalError, Trace, check_room, chunks, exchange, status_error


def receive(
    client: Client, source: Source, edition: str, part: Part, target: Path, trace: Trace, deadline: float
) -> str:
    """Let the module's `fetch_file(save, source, edition, part, target)` make the file; returns its note on how.

    `save` sends a request and writes the body of a good reply to a file. The client keeps cookies from one request to
    the next.
    """
    access = source.access
    assert access is not None
    limit = access.max_bytes

    def save(request: Request, path: Path) -> None:
        with exchange(client, access, request, trace) as response:
            if response.status_code != 200:
                raise status_error(response)
            size = 0
            with path.open("wb") as file:
                for chunk in chunks(client, response, 0):
                    size += len(chunk)
                    if size > limit:
                        raise RetrievalError("refused", f"at most {limit} bytes are expected, found more")
                    if time.monotonic() > deadline:
                        raise RetrievalError("failed", f"not finished within {access.deadline_seconds:g} s")
                    file.write(chunk)

    check_room(client.settings.archive, 0)
    try:
        return str(
            importlib.import_module(f"pipeline.sources.{source.id}").fetch_file(save, source, edition, part, target)
        )
    except ReadError as error:
        raise RetrievalError("changed shape", str(error), again=True) from error
