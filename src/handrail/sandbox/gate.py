"""The one way into moto: who may ask, one request at a time, every write on disk before it happens."""

from __future__ import annotations

import datetime
import io
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from handrail.sandbox import actions, aws_chunked, issued, keys, moment, proof, signing
from handrail.sandbox.exchange import RefusalError, Reply, Request, json_reply, refuse
from handrail.sandbox.launcher import Limits
from handrail.sandbox.log import Log, LogFullError
from handrail.sandbox.moment import Moment, Timing

LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]|[a-z0-9.-]+\.localhost)(?::\d+)?", re.IGNORECASE)
FORWARDED = re.compile(r"(?:x-amz-|content-|if-).*|range|accept|cache-control|expires|host")
WITHHELD = frozenset({"x-amz-security-token", "x-amz-date", "x-amz-content-sha256"})
SIGNATURE_PARAMETERS = re.compile(
    r"(?:^|&)X-Amz-(?:Signature|Credential|Security-Token|Algorithm|Date|Expires|SignedHeaders)=[^&]*"
)
CLOSED_PATHS = ("/moto-api", "/latest/", "/favicon.ico")
FIXED_DATE = "20000101"  # in the scope that moto sees: it wants one, and reads only region and service from it
LARGEST_UNVERIFIED = 20 * 1024 * 1024  # more than any call but S3's takes; DynamoDB's batches have 16 MiB
LARGEST_HELD = 8 * 1024 * 1024
WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class Admission:
    """A request that may go on, by its head: its claim, whose key, and how many bytes its body may have (None: any)."""

    claim: signing.Claim | None
    owner: str
    largest: int | None


class Gate:
    """Answers requests; owns the lock, the log and moto."""

    def __init__(self, state_dir: Path, log: Log, limits: Limits, timing: Timing, dispatcher: Any) -> None:
        self._state_dir = state_dir
        self._secret = keys.read_secret(state_dir)
        self.id = keys.sandbox_id(self._secret)
        self._log = log
        self._limits = limits
        self._timing = timing
        self._dispatcher = dispatcher
        self.lock = threading.Lock()
        self.last_used = time.monotonic()
        self.port = 0  # until it listens

    def health(self, challenge: str = "") -> Reply:
        """Say which sandbox this is, and prove it to whoever sent a challenge."""
        from handrail import __version__

        facts = {"sandbox": self.id, "pid": os.getpid(), "port": self.port, "version": __version__}
        facts["limits"] = asdict(self._limits)
        answer = proof.prove(self._secret, challenge, facts)
        return json_reply(200, facts if answer is None else {**facts, "proof": answer})

    def screen(self, method: str, target: str, headers: dict[str, str]) -> Reply | None:
        """Answer what needs no body, and whatever no program of this machine sent; None lets a request through."""
        if LOOPBACK.fullmatch(headers.get("host", "")) is None:
            return json_reply(403, {"message": "The sandbox answers on loopback names only."})
        if "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return json_reply(403, {"message": "The sandbox does not answer web pages."})
        path = unquote(target.partition("?")[0])
        if path == proof.PATH and method == "GET":
            self.last_used = time.monotonic()  # whoever asks is about to send a request
            return self.health(Request(method, target, headers).parameter("challenge") or "")
        if path.startswith(("/_handrail", *CLOSED_PATHS)):
            return json_reply(404, {"message": "There is nothing here."})
        return None

    def admit(self, request: Request) -> Admission:
        """Judge a request by its head, its body still unread. Raises RefusalError."""
        claim = signing.read_claim(request)
        if claim is None:
            check_anonymous(request)
            return Admission(None, "", 0)
        holder = signing.check_holder(request, claim, self._find_holder(claim.access_key_id))
        signing.check_age(request, claim, time.time(), self._limits.life)
        if signing.signs_body(request, claim):
            return Admission(claim, holder.owner, LARGEST_UNVERIFIED)
        signing.verify(request, claim, holder)
        return Admission(claim, holder.owner, None)

    def answer(self, request: Request, read_body: Callable[[int | None], bytes]) -> Reply:
        """Answer one AWS request. read_body: reads its body, at most so many bytes; called once the head was judged."""
        self.last_used = time.monotonic()
        service = signing.service_of(request)
        try:
            admission = self.admit(request)
            claim, owner = admission.claim, admission.owner
            request = replace(request, body=read_body(admission.largest))
            if claim is not None:
                if signing.signs_body(request, claim):
                    signing.verify(request, claim, self._find_holder(claim.access_key_id))
                signing.check_body(request)
            if aws_chunked.is_chunked(request):
                request = aws_chunked.decode(request)
            return self._serve(request, claim, owner)
        except RefusalError as refusal:
            return refuse(refusal, service, request)
        except (ConnectionError, TimeoutError):
            raise
        except LogFullError as error:
            message = f"The sandbox's disk took no more ({error}): nothing was done."
            return refuse(RefusalError("InternalError", message, 500), service, request)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            message = "The sandbox does not understand the request; its log says why."
            return refuse(RefusalError("InternalError", message, 500), service, request)

    def _find_holder(self, access_key_id: str) -> signing.Holder | None:
        owner = keys.owner_of(self._state_dir, access_key_id)
        if owner is None:
            return issued.find_holder(access_key_id)
        return signing.Holder(owner, keys.secret_key(self._secret, access_key_id))

    def _serve(self, request: Request, claim: signing.Claim | None, owner: str) -> Reply:
        service = claim.service if claim else "s3"
        request = scrub(request, claim)
        action, is_write = actions.name_action(service, request, make_environ(request))
        logged = is_write and not actions.is_dry_run(service, request)
        entry = self._describe(request, claim, owner, action) if logged else {}
        body = self._log.keep_body(request.body) if logged else {}
        with self.lock:
            now = time.time()
            number = self._log.append({"at": now, **entry, **body}) if logged else 0
            current = Moment(
                at=now,
                number=number,
                owner=owner,
                access_key_id=claim.access_key_id if claim else "",
                service=service,
                action=action,
                timing=self._timing,
            )
            return self._perform(request, current)

    def _describe(self, request: Request, claim: signing.Claim | None, owner: str, action: str) -> dict[str, Any]:
        return {
            "owner": owner,
            "key": claim.access_key_id if claim else "",
            "region": claim.region if claim else "",
            "service": claim.service if claim else "s3",
            "action": action,
            "method": request.method,
            "target": request.target,
            "headers": request.headers,
            "timing": asdict(self._timing),
        }

    def replay(self) -> None:
        """Do again what the log says was done; what failed then fails again."""
        for entry in self._log.entries:
            current = Moment(
                at=entry["at"],
                number=entry["n"],
                owner=entry["owner"],
                access_key_id=entry["key"],
                service=entry["service"],
                action=entry["action"],
                timing=Timing(**entry["timing"]),
            )
            request = Request(entry["method"], entry["target"], entry["headers"], self._log.read_body(entry))
            self._perform(request, current)
        self._log.entries.clear()

    def _perform(self, request: Request, current: Moment) -> Reply:
        moment.enter(current, self.id)
        try:
            return call(self._application(request, current), make_environ(request))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            message = f"The sandbox cannot do {current.action}; its log says why."
            return refuse(RefusalError("InternalError", message, 500), current.service, request)

    def _application(self, request: Request, current: Moment) -> WSGIApp:
        if current.access_key_id:
            application: WSGIApp = self._dispatcher
            return application
        # moto guesses an anonymous request's service from its path; here it can only be S3.
        return self.load_application("s3")

    def load_application(self, service: str) -> WSGIApp:
        """Return moto's application for a service, built on first need."""
        apps = self._dispatcher.app_instances
        if service not in apps:
            apps[service] = self._dispatcher.create_app(service)
        application: WSGIApp = apps[service]
        return application


def check_anonymous(request: Request) -> None:
    """Raise RefusalError for an unsigned request, except for reads of S3, which bucket policies decide on."""
    is_api = "x-amz-target" in request.headers or request.parameter("Action") is not None
    if request.method in ("GET", "HEAD") and not is_api and not request.path.startswith(actions.S3CONTROL_PATH):
        return
    if is_api or request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise RefusalError("MissingAuthenticationToken", "The request is not signed.", 403)
    raise RefusalError("AccessDenied", "Access Denied", 403)


def scrub(request: Request, claim: signing.Claim | None) -> Request:
    """Return the request with what moto and the log may know: no signature, no client's own hints."""
    headers = {
        name: value for name, value in request.headers.items() if FORWARDED.fullmatch(name) and name not in WITHHELD
    }
    headers["content-length"] = str(len(request.body))
    path, _, query = request.target.partition("?")
    if claim is not None:
        scope = f"{claim.access_key_id}/{FIXED_DATE}/{claim.region}/{claim.service}/aws4_request"
        headers["authorization"] = f"{signing.ALGORITHM} Credential={scope}, SignedHeaders=host, Signature=none"
        query = SIGNATURE_PARAMETERS.sub("", query).lstrip("&")
    return replace(request, target=f"{path}?{query}" if query else path, headers=headers)


def make_environ(request: Request) -> dict[str, Any]:
    """Return the WSGI environment in which moto reads the request."""
    from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY

    path = request.path if request.path.startswith("/") else "/" + request.path.partition("://")[2].partition("/")[2]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "latin-1"),
        "QUERY_STRING": request.query,
        "RAW_URI": request.target,
        "REQUEST_URI": request.target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    names: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        environ[key] = value
        if "_" in name:
            names[key] = name
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = names
    return environ


def call(application: WSGIApp, environ: dict[str, Any]) -> Reply:
    """Run a WSGI application to its end, but for the part of its answer that is too large to hold."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        started.append((status, headers))

    chunks = drained(application(environ, start_response))
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_HELD:
            break
    status, headers = started[-1]
    return Reply(int(status.split()[0]), headers, body, chunks if len(body) > LARGEST_HELD else None)


def drained(result: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what an application returns, and close it in the end as WSGI wants it."""
    try:
        yield from result
    finally:
        if (close := getattr(result, "close", None)) is not None:
            close()


def http_date(seconds: float) -> str:
    """Return a time as HTTP writes it."""
    when = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return when.strftime("%a, %d %b %Y %H:%M:%S GMT")
