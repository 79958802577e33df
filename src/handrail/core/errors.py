"""Every failure a person can meet. Raised deep, caught once per door; owns messages and exit codes, prints nothing.

HandrailError                     exit
├── Usage                            2   the words of the command, or a value that no policy could allow
├── Refused                          3   one or more policy keys say no
│   └── CapReached                   3   the places under a cap are taken; knows the limit and the count
├── NotFound                         4   nothing of that id or name
│   └── NotManaged                   4   it exists, and Handrail did not create it
├── WrongState                       5   the resource's state does not allow it
│   └── Conflict                     5   a name or request id that is taken
├── NotConfirmed                     6   a question that nobody answered with yes
├── NotSetUp                         7   credentials, permission or account
│   ├── BadCredentials               7
│   └── PermissionDenied             7
├── AwsFailure                       1   AWS said no for a reason of its own
│   ├── Throttled                    1
│   └── Unreachable                  1   no answer: network, endpoint, time-out
├── PartlyFailed                     8   some of several targets failed
├── Interrupted                    130   Ctrl-C (143, 129: told to end by SIGTERM, SIGHUP)
└── Internal                         1   a defect of Handrail
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Self


class Acted(Enum):
    """Whether what an error stopped may have been done (docs/adr/0009)."""

    NO = "no"  # it was not, and nothing that was sent can do it any more
    UNKNOWN = "unknown"  # it was sent, and nobody said
    YES = "yes"  # it was: only what came after, a wait or a look, failed


class HandrailError(Exception):
    """What went wrong (`message`), what to do (`hint`), facts to show between the two, and details for programs.

    message: one sentence. hint: a command line that would work, or one sentence.
    facts: (label, text) pairs; a text may hold several lines. details: JSON-ready values, stable keys.
    acted: whether the change may have been made; None says nothing of it, and then whether anything was sent decides.
    """

    code: ClassVar[str] = "error"
    exit_code: int = 1
    acted: Acted | None = None

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        facts: Sequence[tuple[str, str]] = (),
        details: Mapping[str, Any] | None = None,
        code: str | None = None,
        acted: Acted | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = tuple(facts)
        self.details = dict(details or {})
        self.slug = code or self.code
        if acted is not None:
            self.acted = acted

    def about(self, name: str) -> Self:
        """Return the error saying which of several targets it is about; this one may be about others too."""
        if self.message.startswith(f"{name} "):
            return self
        told = type(self).__new__(type(self))
        vars(told).update(vars(self))
        told.message = f"{name}: {self.message}"
        told.args = (told.message,)
        return told

    def as_json(self) -> dict[str, Any]:
        """Return the error object of the JSON output: code, message, hint, details."""
        return {"code": self.slug, "message": self.message, "hint": self.hint, "details": self.details}


class Usage(HandrailError):
    """The words of the command are off, or a value that no policy could allow."""

    code, exit_code, acted = "usage", 2, Acted.NO


class Refused(HandrailError):
    """The policy says no; `details["reasons"]` lists every key that does."""

    code, exit_code, acted = "refused", 3, Acted.NO


class CapReached(Refused):
    """The places under a cap are taken. `limit` and `count` are numbers of places."""

    code = "cap_reached"

    def __init__(self, message: str, *, limit: int, count: int, **rest: Any) -> None:
        details = {"limit": limit, "count": count, **(rest.pop("details", None) or {})}
        super().__init__(message, details=details, **rest)
        self.limit, self.count = limit, count


class NotFound(HandrailError):
    """Nothing has that id or name."""

    code, exit_code, acted = "not_found", 4, Acted.NO


class NotManaged(NotFound):
    """It exists, and Handrail did not create it."""

    code = "not_managed"


class WrongState(HandrailError):
    """The resource's state does not allow the action."""

    code, exit_code, acted = "wrong_state", 5, Acted.NO


class Conflict(WrongState):
    """Somebody or something has that name, id or token already."""

    code = "conflict"


class NotConfirmed(HandrailError):
    """A question was answered with no, or could not be asked."""

    code, exit_code, acted = "not_confirmed", 6, Acted.NO


class NotSetUp(HandrailError):
    """Credentials, permission, an extra or the account is missing."""

    code, exit_code, acted = "not_set_up", 7, Acted.NO


class BadCredentials(NotSetUp):
    """Credentials are missing, half-set, expired or refused."""

    code = "credentials"


class PermissionDenied(NotSetUp):
    """The credentials are valid and may not do this."""

    code = "permission_denied"


class AwsFailure(HandrailError):
    """AWS refused for a reason of its own."""

    code, exit_code = "aws_failure", 1


class Throttled(AwsFailure):
    """AWS asked to slow down, and the retries are used up."""

    code = "throttled"


class Unreachable(AwsFailure):
    """No answer: whether the call took effect is unknown."""

    code = "unreachable"


# The slugs of what came and is no answer. Whoever did without it would say that there is nothing, or nothing to say.
NOT_AWS, LISTING_STUCK = "not_aws", "listing_stuck"


def is_no_answer(error: HandrailError) -> bool:
    """Return whether an error says that something came, and that it was no answer of AWS."""
    return error.slug in (NOT_AWS, LISTING_STUCK)


class PartlyFailed(HandrailError):
    """Some of several targets failed; each one's own error stands in its row."""

    code, exit_code = "partly_failed", 8


class Stopped(KeyboardInterrupt):
    """A signal that ends the command: Ctrl-C, or one by which a process is told to end. `number` is the signal's."""

    def __init__(self, number: int = 2) -> None:
        super().__init__()
        self.number = number


class Interrupted(HandrailError):
    """Ctrl-C; 143 and 129 where the command was told to end, by SIGTERM or SIGHUP."""

    code, exit_code = "interrupted", 130

    def __init__(self, message: str, *, by: BaseException | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        if isinstance(by, Stopped):
            self.exit_code = 128 + by.number


class Internal(HandrailError):
    """A defect of Handrail itself."""

    code, exit_code = "internal", 1


def defect(error: BaseException) -> Internal:
    """Return what a person reads of an exception that nobody foresaw."""
    return Internal(
        f"Handrail itself failed: {type(error).__name__}: {error}",
        hint="run it again with -vv --log-file handrail.log, and report what that file says",
    )


def exit_code_of(failures: Sequence[HandrailError], targets: int) -> int:
    """Return the exit code of `targets` targets of which `failures` failed (PRODUCT.md section 5).

    0 if none failed; the one code that all failed with; else 8.
    """
    if not failures:
        return 0
    codes = {failure.exit_code for failure in failures}
    return codes.pop() if len(codes) == 1 and len(failures) == targets else PartlyFailed.exit_code
