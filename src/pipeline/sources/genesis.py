"""GENESIS web service of the Regionaldatenbank: flat CSV in a zip, for those with a free account.

The CSV was read from recorded replies; the dialogue with the service (status codes, jobs) is described. Its JSON
repeats the credentials under `Parameter`, so no reply leaves `discreet` before they are taken out.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.catalog import Layout, Part, Request, Source
from pipeline.errors import PipelineError
from pipeline.read import GRIDS, Place, Reading, from_grid
from pipeline.replies import Ask, Reply, access_of, excerpt, parse_json, place_of, refuse_page, unbundle

TABLE, RESULTS, RESULT = "data/tablefile", "catalogue/results", "data/resultfile"
TOO_LARGE, ACCEPTED, NOTHING_FOUND = 98, 99, 104
POLL_SECONDS, MAX_POLLS = 30.0, 60  # a job of 250 MB was ready after 5.5 minutes
ADVICE = {
    -1: "the service failed (a table without a data cube); ask again later",
    2: "user or password is wrong",
    6: "too many requests at a time; ask again later",
    15: "the credentials are missing; they are read from headers alone",
    50: "nothing newer than what was asked for",
    90: "no table of this name",
    NOTHING_FOUND: "no data for these years",
}


def fetch(ask: Ask, source: Source, edition: str, part: Part, wait: Callable[[float], None] = time.sleep) -> bytes:
    """The zip of one table (`sheet` of the layout) for the declared years; a large one is made by a job and fetched.

    Without startyear and endyear the service gives the newest year alone, so both are always sent.
    """
    layout, place = source.layouts[part.layout], place_of(source, edition, part)
    headers = credentials(source)
    ask = discreet(ask, headers)
    years = {"startyear": min(layout.periods), "endyear": max(layout.periods)}
    form = {"area": "all", "format": "ffcsv", "compress": "false", "language": "de"}

    def post(method: str, **fields: str) -> Reply:
        body = {**form, **fields}
        return ask(Request(method="post", address=f"{access_of(source).address}{method}", body=body, headers=headers))

    reply = post(TABLE, name=str(layout.sheet), **years, job="false")
    if not is_zip(reply) and status_of(reply, place)[0] == TOO_LARGE:
        job = job_of(post(TABLE, name=str(layout.sheet), **years, job="true"), place)
        for _ in range(MAX_POLLS):
            code, text = status_of(post(RESULTS, selection=job, area="user"), place)
            if code == 0:
                break
            if code != NOTHING_FOUND:
                raise refused(code, text, place)
            wait(POLL_SECONDS)
        else:
            raise place.fail(f"job {job} is expected to end in {MAX_POLLS * POLL_SECONDS:.0f} s, found it running")
        reply = post(RESULT, name=job, area="user")
    if not is_zip(reply):
        raise refused(*status_of(reply, place), place)
    read(reply.content, layout, part, place)
    return reply.content


def credentials(source: Source) -> dict[str, str]:
    """Header to secret: from the environment, else from a Prefect secret of that name with hyphens, if there is one.
    An empty one is one: a token goes without a password.

    Raises PipelineError that says what to set. Nothing is ever read from the form or the address.
    """
    found = {}
    for header, variable in access_of(source).secrets.items():
        block = variable.lower().replace("_", "-")
        secret = os.environ.get(variable)
        secret = _prefect_secret(block) if secret is None else secret
        if secret is None:
            raise PipelineError(
                f"{source.id}: an account is expected (free, {source.page}), found none; set {variable} in the "
                f"environment or store a Prefect secret {block}"
            )
        found[header] = secret
    return found


def _prefect_secret(name: str) -> str | None:
    """The secret of a Prefect server that is configured; to ask without one would start one."""
    try:
        import httpx
        from prefect.blocks.system import Secret
        from prefect.settings import PREFECT_API_URL
    except ImportError:
        return None
    if not PREFECT_API_URL.value():
        return None
    try:
        return str(Secret.load(name, _sync=True).get())  # type: ignore[union-attr,call-arg]
    except (ValueError, httpx.HTTPError):  # no such block, or no answer
        return None


def discreet(ask: Ask, secrets: Mapping[str, str]) -> Ask:
    """`ask`, with the secrets taken out of every reply that is no zip: what is stored or shown cannot hold them."""

    def asked(request: Request) -> Reply:
        reply = ask(request)
        if is_zip(reply):
            return reply
        text = reply.content.decode("utf-8", "replace")
        for secret in filter(None, secrets.values()):
            for written in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
                text = text.replace(written, "***")
        return Reply(reply.status, text.encode(), reply.headers)

    return asked


def is_zip(reply: Reply) -> bool:
    return reply.status == 200 and reply.content.startswith(b"PK")


def status_of(reply: Reply, place: Place) -> tuple[int, str]:
    """Code and text of a reply in JSON: under `Status`, or flat where the credentials are refused."""
    if reply.status == 405:
        raise place.fail("POST is expected by the service, found HTTP 405 for what was sent")
    document = parse_json(reply.content, place)
    status: Any = document.get("Status", document) if isinstance(document, dict) else None
    if not isinstance(status, dict) or not isinstance(status.get("Code"), int):
        raise place.fail(f"a status with a code is expected, found {excerpt(reply.content)!r}")
    return status["Code"], str(status.get("Content", ""))


def job_of(reply: Reply, place: Place) -> str:
    """The job's id, which stands inside the text of status 99."""
    code, text = status_of(reply, place)
    found = re.search(r"\b([0-9A-Za-z-]+_\d{6,})\b", text)
    if code != ACCEPTED or not found:
        raise refused(code, text, place)
    return found[1]


def refused(code: int, text: str, place: Place) -> Exception:
    advice = ADVICE.get(code, "see the documentation of the web service")
    return place.fail(f"the table is expected, found status {code} ({text[:120]}): {advice}")


def read(content: bytes, layout: Layout, part: Part, place: Place) -> Reading:
    """One row per unit, year and measure of the flat CSV. The years in it must be those that were asked for."""
    members = [text for name, text in unbundle(content, place).items() if name.lower().endswith(".csv")]
    if len(members) != 1:
        raise place.fail(f"one CSV is expected in the zip, found {len(members)}")
    grid = list(GRIDS["csv"](refuse_page(members[0], "CSV", place), layout, part, place))
    found = from_grid(grid, layout, part, place)
    rows = found.rows.assign(period=found.rows["period"].str.slice(0, 4), source_column="value")
    years = sorted(rows["period"].unique())
    if years != sorted(layout.periods):
        raise place.fail(
            f"years {', '.join(sorted(layout.periods))} are expected, found {', '.join(years)}: without startyear and "
            "endyear the service gives the newest year alone"
        )
    return Reading(rows, found.rejected, found.rows_read)
