"""The one place that makes botocore sessions and clients. Knows no service."""

import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from handrail import __version__, files
from handrail.aws import wire
from handrail.aws.failures import (
    Origin,
    ask,
    aws_failures_explained,
    credential_failures_explained,
    mark_origin,
)
from handrail.aws.fencing import Deadline, before_send
from handrail.aws.hiding import hide_files, hide_what_comes
from handrail.aws.identity import (
    NOBODY,
    Identity,
    Person,
    check_profile,
    check_sendable,
    choose_identity,
    govern_sources,
)
from handrail.aws.launching import Launcher, isolated_session, keep_to, open_sandbox, sandbox_launcher
from handrail.aws.retries import RetryBudget
from handrail.aws.service import find_service
from handrail.aws.unanswered import host_of
from handrail.core.caller import Caller, caller_of
from handrail.core.errors import Usage
from handrail.core.fields import show
from handrail.core.redaction import secrets_in
from handrail.core.regions import DEFAULT_REGION
from handrail.files import Folders
from handrail.settings import (
    ENDPOINT_VARIABLE,
    NO_DOTENV,
    Dotenv,
    Settings,
    TargetChoice,
    check_configured_endpoints,
    check_endpoints,
)

if TYPE_CHECKING:
    from handrail.aws.launching import Running


@dataclass(frozen=True)
class Timeouts:
    """How long one call may take: seconds to connect, seconds between two bytes, and attempts in all."""

    connect: float = 5
    read: float = 20
    attempts: int = 3

    def brief(self) -> "Timeouts":
        """Return the same for a look on the side, which must not keep a command waiting."""
        return Timeouts(min(3, self.connect), min(15, self.read), 2)


READ_TIMEOUT_VARIABLE = "HANDRAIL_SANDBOX_READ_TIMEOUT"

# Credentials that can't be had must say so within 3 s.
CREDENTIAL_TIMEOUTS = Timeouts(connect=2, read=10, attempts=1)

log = logging.getLogger("handrail.aws")

# The files of the first tools, by botocore's name of the source; botocore asks them after all else that a person wrote.
_OLDER_FILES = {"ec2-credentials-file": "AWS_CREDENTIAL_FILE", "boto-config": "the file of boto"}


@dataclass(frozen=True)
class Call:
    """One call as it went. ms: with its retries and the waits between them."""

    service: str
    operation: str
    attempts: int
    ms: int


class Aws:
    """A connection to one target: its clients, made when first asked for, who is asking, and the calls so far.

    endpoint: its URL where it is not AWS's own, else empty. identity: where the credentials come from. sandbox: the
    running one, or None. person: is told what takes long. calls: every call made so far, in the order they ended.
    """

    def __init__(
        self,
        session: Any,
        identity: Identity,
        region: str,
        *,
        endpoint: str = "",
        sandbox: "Running | None" = None,
        timeouts: Timeouts | None = None,
        person: Person = NOBODY,
    ) -> None:
        self.target = "aws" if sandbox is None else "sandbox"
        self.region, self.endpoint, self.sandbox = region, endpoint, sandbox
        self.identity = replace(identity, target=self.target, endpoint=endpoint, decode=self.decode)
        self.asked: tuple[object, ...] = ()
        self.calls: list[Call] = []
        self.retries = RetryBudget()
        self.deadline = Deadline()
        self._session, self._person = session, person
        self._timeouts, self._is_brief = timeouts or Timeouts(), False
        self._clients: dict[tuple[str, str, bool], Any] = {}
        self._caller: Caller | None = None
        self._lock = threading.Lock()
        session.register("creating-client-class", wire.watch)
        session.register("before-parameter-build", _note_actions)
        session.register("before-call", self._start_clock)
        session.register("after-call", self._count_call)
        session.register("after-call-error", self._count_call)

    def serves(self, settings: Settings, choice: TargetChoice, dotenv: Dotenv) -> bool:
        """Return whether `connect` would make the same connection again."""
        return self.asked == _asked(settings, choice, dotenv)

    def begin(self, person: Person) -> Self:
        """Begin another request: its calls and retries are counted anew, and its person is told what takes long."""
        self.calls, self.retries.spent, self.deadline.until, self._person = [], 0, None, person
        return self

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the botocore client of a service in a region (the command's own, unless named), made once.

        Just before a request leaves, at every attempt, the fence and the deadline are asked; what they raise ends the
        call unsent, and botocore does not try again. Raises HandrailError where the client can't be made.
        """
        key = (service, region or self.region, self._is_brief)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make_client(*key)
            return self._clients[key]

    @contextmanager
    def briefly(self) -> Iterator[None]:
        """Let the clients that are asked for inside wait less long, and ask less often."""
        before, self._is_brief = self._is_brief, True
        try:
            yield
        finally:
            self._is_brief = before

    def caller(self) -> Caller:
        """Return who is asking, by STS GetCallerIdentity, asked once. Raises HandrailError."""
        if self._caller is None:
            reply = ask(self.client("sts"), "sts:GetCallerIdentity")
            self._caller = caller_of(reply["Account"], reply["Arn"], reply["UserId"])
        return self._caller

    def decode(self, encoded: str) -> str:
        """Return EC2's encoded authorization message as JSON text. Raises what botocore raises where that is denied."""
        reply = self.client("sts").decode_authorization_message(EncodedMessage=encoded)
        return str(reply["DecodedMessage"])

    def check_credentials(self) -> None:
        """Get the credentials now, so that what is wrong with them is said once and before anything else.

        Raises BadCredentials naming what is missing, where it was looked for, and what mends it.
        """
        with credential_failures_explained(self.identity):
            credentials = self._session.get_credentials()
            frozen = credentials and credentials.get_frozen_credentials()
        if not frozen:
            profile = self.identity.profile
            raise self.identity.bad(
                f"profile {profile} has no credentials." if profile else "no AWS credentials were found."
            )
        self._person.hide(*secrets_in(frozen._asdict()))
        check_sendable(self.identity, frozen, self._place(credentials.method))

    def _place(self, method: str) -> str:
        """Return from where credentials came, in words: the file, where the way there does not name it.

        method: botocore's name of the source.
        """
        variable = {"shared-credentials-file": "credentials_file", "config-file": "config_file"}.get(method)
        if variable:
            return f"profile {self.identity.profile or 'default'} in {self._session.get_config_variable(variable)}"
        return _OLDER_FILES.get(method) or self.identity.looked.rpartition(" → ")[2]

    def _make_client(self, service: str, region: str, is_brief: bool) -> Any:
        """Make a client: the one place to do so, where trimmed models would come in."""
        timeouts = self._timeouts.brief() if is_brief else self._timeouts
        with aws_failures_explained("connect", region=region, aws=self.identity):
            client = self._session.create_client(
                service,
                region_name=region,
                # Only the sandbox is named here; AWS_ENDPOINT_URL on the target aws is botocore's to read.
                endpoint_url=self.endpoint if self.sandbox else None,
                config=_config(timeouts, direct=self.sandbox is not None),
            )
        self.retries.govern(client, timeouts.attempts)
        client.meta.events.register("before-send", self._before_send)
        return client

    def _before_send(self, request: Any, event_name: str, **_: Any) -> None:
        before_send(request)
        self.deadline.before_send(request, *event_name.split(".")[1:3])

    def _start_clock(self, model: Any, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["handrail_started"] = time.monotonic()
        context[wire.TERMS] = terms = wire.terms_of(model, context["client_config"])
        if terms.until is not None:  # an upload takes as long as the line does, and shows how far it is
            what = f"{host_of(params['url'])} to answer {model.name}"
            context["handrail_waiting"] = self._person.wait(what, self._person.patience.call, terms.patience)

    def _count_call(
        self,
        event_name: str,
        context: dict[str, Any],
        parsed: dict[str, Any] | None = None,
        exception: Exception | None = None,
        **_: Any,
    ) -> None:
        service, operation = event_name.split(".")[1:]
        if "handrail_waiting" in context:
            context["handrail_waiting"].cancel()
        seconds = time.monotonic() - context["handrail_started"]
        attempts = context.get("retries", {}).get("attempt", 1)
        self.calls.append(Call(service, operation, attempts, round(seconds * 1000)))
        region, actions = context.get("client_region") or "", context["handrail_actions"]
        origin = Origin(self.identity, region, operation, service, actions)
        mark_origin(parsed if exception is None else exception, origin)


def _note_actions(params: Mapping[str, Any], context: dict[str, Any], event_name: str, **_: Any) -> None:
    """Keep which IAM actions a call needs: its parameters are at hand now."""
    service, call = event_name.split(".")[1:]
    context["handrail_actions"] = actions = find_service(service).actions(call, params)
    log.debug("%s:%s needs %s", service, call, " ".join(actions) or "no permission")


def connect(
    settings: Settings,
    choice: TargetChoice,
    environ: Mapping[str, str],
    dotenv: Dotenv = NO_DOTENV,
    *,
    folders: Folders | None = None,
    person: Person = NOBODY,
    timeouts: Timeouts | None = None,
    launcher: Launcher | None = None,
) -> Aws:
    """Return the connection to the chosen target, its credentials checked (on aws) or its server running (sandbox).

    settings: `choose_region` has been through them. environ: for the target aws the process's own, which botocore
    reads by itself. person: is asked for an MFA code, unless `settings.no_input`, and told what takes long. launcher:
    stands in for the sandbox's. Raises BadCredentials within 3 s where credentials are missing, half set or expired,
    NotSetUp without the extra, Usage on an endpoint that is no URL.
    """
    folders = folders or files.find_folders(environ)
    region = settings.region or DEFAULT_REGION
    if choice.target == "sandbox":
        asked = launcher or sandbox_launcher()
        running, identity, endpoint = open_sandbox(asked, folders.sandbox, environ)
        person.hide(identity.keys[1])
        session = isolated_session(identity)
        session.register_component("data_loader", _loader(None))
        keep_to(running, asked, session)
        usual = timeouts or _sandbox_timeouts(environ)
        aws = Aws(session, identity, region, endpoint=endpoint, sandbox=running, timeouts=usual, person=person)
    else:
        person = replace(person, ask=None) if settings.no_input else person
        check_endpoints(environ)
        chosen = choose_identity(settings, environ, dotenv)
        session, identity = _session_on_aws(chosen, region, environ, folders, person)
        endpoint = environ.get(ENDPOINT_VARIABLE, "")
        aws = Aws(session, identity, region, endpoint=endpoint, timeouts=timeouts, person=person)
        aws.check_credentials()
    aws.asked = _asked(settings, choice, dotenv)
    return aws


def _asked(settings: Settings, choice: TargetChoice, dotenv: Dotenv) -> tuple[object, ...]:
    """Return what a connection hangs on, of all that may differ between two requests of one process."""
    return choice.target, settings.region, settings.profile, settings.no_input, dotenv


def _session_on_aws(
    identity: Identity, region: str, environ: Mapping[str, str], folders: Folders, person: Person
) -> tuple[Any, Identity]:
    """Return a botocore session that asks its sources of credentials by our rules, and who signs."""
    import botocore.session

    hide_files(person.hide, environ, folders.home)
    session = botocore.session.Session(profile=identity.profile if identity.named else None)
    session.set_config_variable("region", region)  # in which STS is asked for a role
    # For the clients that botocore makes by itself to fetch credentials (STS, SSO); ours bring their own.
    session.set_default_client_config(_config(CREDENTIAL_TIMEOUTS, direct=False))
    if identity.keys:
        session.set_credentials(*identity.keys)
    with aws_failures_explained("sign in"):
        identity = check_profile(identity, session.full_config, folders.home)
        _check_configured_endpoints(session, environ)
        session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    govern_sources(session, identity, person)
    hide_what_comes(session, person.hide)
    return session, identity


def _sandbox_timeouts(environ: Mapping[str, str]) -> Timeouts:
    """Return the usual time-outs, or a shorter read time-out for tests that wait for one. Raises Usage."""
    text = environ.get(READ_TIMEOUT_VARIABLE, "")
    if not text:
        return Timeouts()
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", text) or float(text) == 0:
        raise Usage(f"{READ_TIMEOUT_VARIABLE} takes seconds, not {show(text)}.", hint=f"unset {READ_TIMEOUT_VARIABLE}")
    return Timeouts(connect=min(Timeouts.connect, float(text)), read=float(text))


def _check_configured_endpoints(session: Any, environ: Mapping[str, str]) -> None:
    """Raise Usage on an endpoint of `~/.aws` that is no URL, where botocore would come to use one."""
    urls = {"ec2_metadata_service_endpoint": session.get_config_variable("ec2_metadata_service_endpoint")}
    if not environ.get(ENDPOINT_VARIABLE) and not session.get_config_variable("ignore_configured_endpoint_urls"):
        profile = session.get_scoped_config()
        services = session.full_config.get("services", {}).get(str(profile.get("services")), {})
        urls["endpoint_url"] = profile.get("endpoint_url")
        for service, keys in services.items():  # botocore takes for granted that there are keys below each service
            urls[f"endpoint_url of {service}"] = keys.get("endpoint_url") if isinstance(keys, Mapping) else [keys]
    check_configured_endpoints(session.profile or "default", urls)


def _config(timeouts: Timeouts, *, direct: bool) -> Any:
    from botocore.config import Config

    return Config(
        connect_timeout=timeouts.connect,
        read_timeout=timeouts.read,
        retries={"mode": "standard", "total_max_attempts": timeouts.attempts},
        user_agent_extra=f"handrail/{__version__}",
        # No proxy of the environment may stand between a command and the sandbox on its own machine.
        proxies={} if direct else None,
    )


@cache
def _loader(data_path: str | None) -> Any:
    """Return the one reader of service models: a process that runs many commands parses and keeps each model once.

    botocore's own is one per session, and the models of sessions long gone stay in its cache.
    """
    from botocore.loaders import create_loader

    return create_loader(data_path)
