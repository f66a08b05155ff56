"""Requests to publishers: one connection per host, with a pause between requests, verified, to declared hosts only.

Secrets travel in headers to the address's own host and are written nowhere.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, urldefrag, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from pipeline import __version__, archive
from pipeline.catalog import Access, Request
from pipeline.errors import PipelineError, UsageError

T = TypeVar("T")
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
CHUNK = 1 << 18
EVIDENCE_BYTES = 1 << 20  # of the body of an answer that is an error
RESERVE_BYTES = 200_000_000  # stay free on the disk
KEPT_HEADERS = (
    "content-type", "content-length", "content-encoding", "content-disposition", "content-range", "etag",
    "last-modified", "accept-ranges", "retry-after", "date",
)  # fmt: skip
STATUS_HELP = {
    400: "the parameters are not what the publisher takes",
    401: "the credentials are missing or wrong",
    403: "the publisher refuses scripts at times; try again in some hours",
    405: "the address does not take this method; compare `method` with the publisher's page",
    406: "the publisher does not send this kind of content; compare the header Accept",
    411: "the publisher wants a Content-Length",
    413: "the reply would be too large; ask for less at a time",
    429: "too many requests; try again in some hours",
    503: "the publisher is overloaded or refuses scripts; try again in some hours",
}


class Retries(Retry):
    """Of connections and of answers that say try again; a 413 says ask for less, and waiting does not help it."""

    RETRY_AFTER_STATUS_CODES = frozenset({429, 503})


@dataclass(frozen=True)
class Settings:
    """Where to put files and how patient to be. `pause`: seconds between requests to a host instead of the declared.

    `mirror` serves the publishers' paths under /<host>/; `waits` are the seconds before further tries of a file. `tell`
    is told how far a fetch is (from several threads): of what, bytes that are there (None: done with it) and bytes in
    all, where known; of "" the sources that are done, more each time, and at first how many there are.
    """

    archive: Path
    home: Path
    contact: str
    mirror: str | None = None
    pause: float | None = None
    waits: tuple[float, ...] = (10, 60, 360)
    backoff: float = 2
    retry_after_max: float = 900
    poll_seconds: float = 30
    timeout: tuple[float, float] = (10, 120)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    tell: Callable[[str, int | None, int | None], None] = lambda _what, _done, _total: None


def settings(root: Path, home: Path) -> Settings:
    """From the environment. A mirror is the user's own, so that nothing is waited for there."""
    mirror = os.environ.get("STADTRANG_MIRROR") or None
    contact = os.environ.get("STADTRANG_CONTACT", "").strip()
    if not contact and mirror is None:
        raise UsageError(
            "publishers must be able to reach whoever asks them: set STADTRANG_CONTACT to your mail or web address, "
            "or take the files from a folder with --from DIR"
        )
    if mirror:
        return Settings(root, home, contact or "mirror", mirror, 0, (0,), 0, 1)
    return Settings(root, home, contact)


class RetrievalError(Exception):
    """One try that came to nothing, with the state that its outcome gets.

    `evidence`: what the publisher sent; `again`: whether another try may help; `host`: the one that cannot be reached.
    """

    def __init__(
        self,
        state: str,
        reason: str,
        *,
        again: bool = False,
        evidence: Path | bytes | None = None,
        host: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.state, self.reason, self.again, self.evidence, self.host = state, reason, again, evidence, host


@dataclass
class Trace:
    """What is known of an answer so far, for the log and the quarantine."""

    final_address: str | None = None
    redirects: list[str] = field(default_factory=list)
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Client:
    """One session, one lock and one clock per host. Hosts that were out of reach, or said that we ask too much (429),
    are not asked again in a run; those that are overloaded (503) not for the same source: the next one's files may be
    there."""

    def __init__(self, chosen: Settings) -> None:
        self.settings = chosen
        self.lock = threading.Lock()
        self.sessions: dict[str, requests.Session] = {}
        self.gates: dict[str, threading.Lock] = {}
        self.last: dict[str, float] = {}
        self.pages: dict[tuple[str, str], tuple[bytes, list[str]]] = {}
        self.out_of_reach: dict[str, str] = {}
        self.overloaded: dict[str, str] = {}
        self.stop = threading.Event()

    def session(self, host: str) -> requests.Session:
        with self.lock:
            if host not in self.sessions:
                self.sessions[host] = _session(self.settings)
            return self.sessions[host]

    @contextlib.contextmanager
    def turn(self, host: str, pause: float) -> Iterator[None]:
        """This thread's turn at the host, after the pause."""
        with self.lock:
            gate = self.gates.setdefault(host, threading.Lock())
        with gate:
            wait = self.last.get(host, -pause) + pause - time.monotonic()
            if wait > 0:
                self.stop.wait(wait)
            if self.stop.is_set():
                raise RetrievalError("failed", "stopped")
            if reason := self.out_of_reach.get(host) or self.overloaded.get(host):
                raise RetrievalError("failed", f"{reason}; not asked again in this run")
            try:
                yield
            finally:
                self.last[host] = time.monotonic()

    def place(self, address: str) -> str:
        """Where an address is asked for: at the publisher's, or under the mirror."""
        if self.settings.mirror is None:
            return address
        parts = urlsplit(address)
        return f"{self.settings.mirror.rstrip('/')}/{parts.netloc}{parts.path}" + (
            f"?{parts.query}" if parts.query else ""
        )


def _session(chosen: Settings) -> requests.Session:
    session = requests.Session()
    retries = Retries(
        total=5,
        other=0,  # a certificate that cannot be verified cannot be verified the second time either
        redirect=0,
        backoff_factor=chosen.backoff,
        backoff_jitter=min(chosen.backoff, 1),
        status_forcelist={429, 500, 502, 503, 504},
        allowed_methods=None,  # every POST here only reads
        raise_on_status=False,
        raise_on_redirect=False,
        retry_after_max=chosen.retry_after_max,  # type: ignore[arg-type]  # seconds; a float is compared as well
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True, max_retries=retries))
    session.headers = requests.structures.CaseInsensitiveDict(
        {
            "User-Agent": f"stadtrang/{__version__} (yearly ranking of German municipalities; "
            f"contact: {chosen.contact})",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        }
    )
    return session


def certificates(home: Path, host: str) -> Path:
    """The declared place of a certificate that a host should send and does not."""
    return home / "certificates" / f"{host}.pem"


def _bundle(chosen: Settings, host: str) -> str:
    """The certificates that a host is verified by: the usual ones, and the host's own from the declared place."""
    usual = chosen.environment.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    own = certificates(chosen.home, host)
    if not own.is_file():
        return usual
    try:
        joined = Path(usual).read_bytes() + b"\n" + own.read_bytes()
    except OSError as error:
        raise PipelineError(f"{own}: cannot be read: {error.strerror}") from error
    target = chosen.archive / "partial" / f"{hashlib.sha256(joined).hexdigest()[:32]}.pem"
    if not target.is_file():
        archive.write_atomic(target, joined)
    return str(target)


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from sending what a ~/.netrc holds for the host."""
    return request


@contextlib.contextmanager
def exchange(
    client: Client, access: Access, asked: Request, trace: Trace, extra: Mapping[str, str] | None = None
) -> Iterator[requests.Response]:
    """The final answer to a request, its body not yet read. Redirects are followed by hand, to declared hosts only."""
    chosen = client.settings
    address, method, body, parameters = asked.address, asked.method, asked.body, asked.parameters
    first = urlsplit(address).hostname
    pause = access.pause_seconds if chosen.pause is None else chosen.pause
    for _ in range(MAX_REDIRECTS + 1):
        host = urlsplit(address).hostname or ""
        if host not in access.hosts:
            raise RetrievalError(
                "changed shape",
                f"{address} is on {host}, which is not among the declared hosts {', '.join(access.hosts)}; "
                "if the publisher has moved, add it to access.hosts",
            )
        headers = {**asked.headers, **(extra or {})}
        if host == first:
            headers |= secrets_of(chosen, access)
        with client.turn(host, pause):
            response = _send(client, host, method, address, parameters, body, headers)
            try:
                if client.stop.is_set():  # the next run may write to the same files by now
                    raise RetrievalError("failed", "stopped")
                location = response.headers.get("Location")
                trace.final_address, trace.status = address, response.status_code
                trace.headers = {k: response.headers[k] for k in KEPT_HEADERS if k in response.headers}
                if response.status_code not in REDIRECTS or location is None:
                    yield response
                    return
            finally:
                response.close()
        target = urldefrag(urljoin(address, location)).url.split(";jsessionid=")[0]
        if urlsplit(address).scheme == "https" and urlsplit(target).scheme != "https":
            raise RetrievalError("failed", f"{address} redirects to {target}, which is not encrypted")
        if response.status_code == 303:
            method, body = "get", None
        trace.redirects.append(target)
        address, parameters = target, {}
    raise RetrievalError("failed", f"{asked.address}: more than {MAX_REDIRECTS} redirects")


def _send(
    client: Client,
    host: str,
    method: str,
    address: str,
    parameters: Mapping[str, str],
    body: Mapping[str, str] | str | None,
    headers: Mapping[str, str],
) -> requests.Response:
    chosen = client.settings
    try:
        return client.session(host).request(
            method,
            client.place(address),
            params=parameters,
            data=body.encode() if isinstance(body, str) else body,
            headers=dict(headers),
            stream=True,
            allow_redirects=False,
            timeout=chosen.timeout,
            verify=_bundle(chosen, host),
            auth=_no_login,
        )
    except requests.exceptions.SSLError as error:
        raise RetrievalError(
            "failed",
            f"the certificate of {host} cannot be verified ({_innermost(error)}). If the host does not send the whole "
            f"chain, save the missing certificate in {certificates(chosen.home, host)} (`stadtrang doctor` says how); "
            "verification is never switched off",
        ) from error
    except requests.exceptions.Timeout as error:
        raise RetrievalError(
            "failed", f"{host} does not answer within {chosen.timeout[1]:g} s", again=True, host=host
        ) from error
    except requests.RequestException as error:
        raise RetrievalError(
            "failed", f"{host} cannot be reached ({_innermost(error)})", again=True, host=host
        ) from error


def _innermost(error: BaseException) -> str:
    """The last cause, without the request's address that the layers above repeat."""
    seen = error
    while (cause := seen.__cause__ or seen.__context__) is not None:
        seen = cause
    return str(seen).split("(_ssl.c")[0].strip() or type(seen).__name__


def secrets_of(chosen: Settings, access: Access) -> dict[str, str]:
    """Header to secret. Never to a mirror on another machine."""
    names = access.secrets
    if names and chosen.mirror and urlsplit(chosen.mirror).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise RetrievalError("failed", "credentials are not sent to a mirror on another machine")
    return {header: chosen.environment.get(name, "") for header, name in names.items()}


def with_prefect_secrets(chosen: Settings, names: Iterable[str]) -> Settings:
    """Settings whose environment also has those secrets that are not in it and that a Prefect server keeps, under the
    same name in lower case with hyphens. Without a server that is configured nobody is asked."""
    wanted = [name for name in names if name not in chosen.environment]
    if not wanted:
        return chosen
    kept = {name: secret for name in wanted if (secret := _prefect_secret(name.lower().replace("_", "-"))) is not None}
    return replace(chosen, environment={**chosen.environment, **kept})


def _prefect_secret(name: str) -> str | None:
    try:
        import httpx
        from prefect.blocks.system import Secret
        from prefect.settings import PREFECT_API_URL
    except ImportError:
        return None
    if not PREFECT_API_URL.value():  # to ask would start a server
        return None
    try:
        return str(Secret.load(name, _sync=True).get())  # type: ignore[union-attr,call-arg]
    except (ValueError, httpx.HTTPError):  # no such block, or no answer
        return None


def missing_secrets(chosen: Settings, access: Access) -> list[str]:
    """Environment variables that are declared and not there. An empty one is there: a token has no password."""
    return [name for name in access.secrets.values() if name not in chosen.environment]


def redacted(found: T, secrets: Iterable[str]) -> T:
    """The same text, or document of texts, without any secret, as it is and as addresses and JSON write it."""
    wanted = sorted({form for s in secrets if s for form in forms_of(s)}, key=len)
    cleaned: T = _without(found, wanted[::-1])
    return cleaned


def forms_of(secret: str) -> set[str]:
    """A secret as it is, as addresses quote it, and as JSON writes quotes and umlauts."""
    written = (json.dumps(secret, ensure_ascii=plain)[1:-1] for plain in (True, False))
    return {secret, quote(secret, safe=""), quote_plus(secret), *written}


def _without(found: Any, secrets: list[str]) -> Any:
    if isinstance(found, str):
        for secret in secrets:
            found = found.replace(secret, "***")
        return found
    if isinstance(found, dict):
        return {key: _without(value, secrets) for key, value in found.items()}
    return [_without(value, secrets) for value in found] if isinstance(found, list) else found


def chunks(client: Client, response: requests.Response, size: int) -> Iterator[bytes]:
    """The body as it comes, so that a slow one can be left; a body that is cut off is a failure."""
    raw = response.raw
    try:
        if response.headers.get("Content-Encoding"):
            for chunk in raw.stream(CHUNK, decode_content=True):
                size += len(chunk)
                yield chunk
            return
        while not client.stop.is_set() and (chunk := raw.read1(CHUNK, decode_content=False)):
            size += len(chunk)
            yield chunk
        if client.stop.is_set():
            raise RetrievalError("failed", "stopped")
    except (HTTPError, requests.RequestException, ConnectionError, TimeoutError) as error:
        raise RetrievalError(
            "failed", f"the body was cut off after {size} bytes ({_innermost(error)})", again=True
        ) from error


def check_room(root: Path, wanted: int) -> None:
    free = shutil.disk_usage(root).free
    if free < wanted + RESERVE_BYTES:
        raise RetrievalError(
            "failed",
            f"{wanted + RESERVE_BYTES} bytes are needed on the disk of {root}, free are {free}; "
            "make room (`stadtrang archive prune`) or choose another folder with --archive",
        )


def status_error(response: requests.Response) -> RetrievalError:
    """An answer that is no file. None of these gets better within minutes: what could was tried again below."""
    status = response.status_code
    with contextlib.suppress(HTTPError, requests.RequestException, OSError):
        evidence = read_up_to(response, EVIDENCE_BYTES)
        if status in (404, 410):
            return RetrievalError("gone", f"HTTP {status}: nothing is at this address (any more)", evidence=evidence)
        help_ = STATUS_HELP.get(status, response.reason or "no such answer is expected")
        return RetrievalError("failed", f"HTTP {status}: {help_}", again=status in (206, 416), evidence=evidence)
    return RetrievalError("failed", f"HTTP {status}, and its body was cut off")


def read_up_to(response: requests.Response, limit: int) -> bytes:
    return bytes(response.raw.read(limit, decode_content=True) or b"")
