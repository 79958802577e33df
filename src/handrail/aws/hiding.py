"""Hands every secret that botocore gets hold of to whoever masks them, before botocore can log it. Keeps none."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from handrail import files
from handrail.core.errors import HandrailError
from handrail.core.redaction import secrets_in, secrets_in_ini, secrets_in_text
from handrail.settings import AWS_FILE_LIMIT, aws_files

Hide = Callable[..., None]

# The services that are asked for credentials, and answer with some.
_GIVING = ("sts", "sso", "sso-oidc", "signin")
# Where the AWS tools keep sign-ins and the credentials of roles, below `~/.aws`.
_CACHES = ("sso/cache", "login/cache", "cli/cache", "boto/cache")
_LOGIN_CACHE = "AWS_LOGIN_CACHE_DIRECTORY"
_OLDER_FILES = ("AWS_CREDENTIAL_FILE", "BOTO_CONFIG")
_CACHED_FILES = 200  # at most; a folder of thousands is not what these tools leave behind

_SECRET_HEADERS = ("authorization", "x-aws-ec2-metadata-token", "x-amz-security-token", "x-amz-sso_bearer_token")


def hide_files(hide: Hide, environ: Mapping[str, str], home: Path) -> None:
    """Hide what the files hold that botocore may read for credentials, as they stand: also where it can't parse one."""
    older = [Path(environ[name]) for name in _OLDER_FILES if environ.get(name)]
    for path in (*aws_files(environ, home), *older, home / ".boto"):
        hide(*secrets_in_ini(_text(path)))
    for path in _cached([*(home / ".aws" / folder for folder in _CACHES), Path(environ.get(_LOGIN_CACHE) or home)]):
        try:
            hide(*secrets_in(json.loads(_text(path))))
        except (ValueError, RecursionError):
            hide(*secrets_in_text(_text(path)))


def _cached(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.glob("*.json"))[:_CACHED_FILES]  # which passes over what can't be read


def _text(path: Path) -> str:
    try:
        return (files.read(path, limit=AWS_FILE_LIMIT) or b"").decode(errors="surrogateescape")
    except HandrailError:
        return ""  # what reads it says so


def hide_what_comes(session: Any, hide: Hide) -> None:
    """Hide what a botocore session gets hold of from now on: from each of its sources, and in each call for some."""
    for service in _GIVING:
        session.register(f"provide-client-params.{service}", lambda params, **_: hide(*secrets_in(params)))
        session.register(f"after-call.{service}", lambda parsed, **_: hide(*secrets_in(parsed)))
    chain = session.get_component("credential_provider")
    for provider in chain.providers:
        provider.load = _hiding(provider.load, hide)
    container, instance = chain.get_provider("container-role"), chain.get_provider("iam-role")
    for fetcher in (container._fetcher, instance._role_fetcher):
        fetcher._session = _HidingSession(fetcher._session, hide)


def _hiding(load: Callable[[], Any], hide: Hide) -> Callable[[], Any]:
    """Return a provider's `load` that hides what it found, as far as it has it without asking for it."""

    def loaded() -> Any:
        credentials = load()
        found = {name.strip("_"): value for name, value in vars(credentials).items()} if credentials else {}
        hide(*secrets_in(found))
        return credentials

    return loaded


class _HidingSession:
    """The HTTP session of a metadata service, whose questions and answers are secrets."""

    def __init__(self, session: Any, hide: Hide) -> None:
        self._session, self._hide = session, hide

    def send(self, request: Any) -> Any:
        """Send a request and return its answer. Raises what the session raises."""
        self._hide(*(_plain(request.headers.get(name)) for name in _SECRET_HEADERS))
        answer = self._session.send(request)
        text = answer.content.decode(errors="replace")
        self._hide(*secrets_in_text(text))
        if request.method == "PUT":  # which fetches the token of the instance's metadata service
            self._hide(text)
        return answer


def _plain(header: Any) -> str:
    return header.decode(errors="replace") if isinstance(header, bytes) else header or ""
