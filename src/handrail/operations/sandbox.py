"""`sandbox start|stop|status|reset|env`: the embedded AWS on this machine."""

import re

from handrail.core.errors import Usage
from handrail.core.fields import Parameters, show, text
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Outcome, Plan, Question, Result, Status, facts_of
from handrail.core.regions import DEFAULT_REGION
from handrail.core.shell import command, word
from handrail.session import Session

_OWNER = re.compile(r"[A-Za-z0-9_.@=,+-]{1,64}\Z")  # IAM user guide, "IAM name requirements"
_COLUMNS = (("RUNNING", "running"), ("ENDPOINT", "endpoint"), ("PID", "pid"), ("STATE DIR", "state_dir"))


def _check_owner(value: str) -> str:
    if not _OWNER.match(value):
        raise Usage(f"{show(value)} is not a user name.", hint="1 to 64 letters, digits or _ . @ = , + -")
    return value


class SandboxEnv(Parameters):
    """What `sandbox env` asks for."""

    as_owner = text(
        "print the keys of another owner, to play two people", metavar="NAME", check=_check_owner, aliases=("as",)
    )


def _status(session: Session, summary: str, silent: int | None = None) -> Outcome:
    """Return what `sandbox status` shows. silent: the process that holds the folder, and proves nothing."""
    running = session.sandbox.find()
    row = {
        "running": running is not None,
        "endpoint": running.endpoint if running else None,
        "pid": running.pid if running else silent,
        "state_dir": str(session.folders.sandbox),
    }
    other = command(f"sandbox {'start' if silent is None else 'stop'}")
    notes = facts_of(
        ("endpoint", running.endpoint if running else ""),
        ("state", str(session.folders.sandbox)),
        ("next", 'eval "$(handrail sandbox env)"' if running else other),
    )
    return Outcome(rows=(row,), many=False, columns=_COLUMNS, summary=summary, notes=notes)


def start(session: Session, values: Parameters) -> Outcome:
    """Start the sandbox unless it runs."""
    already = session.sandbox.find() is not None
    running = session.sandbox.ensure()
    return _status(session, f"the sandbox {'runs already' if already else 'is running'} · process {running.pid}")


def stop(session: Session, values: Parameters) -> Outcome:
    """Stop the sandbox; what is in it stays."""
    stopped = session.sandbox.stop()
    return _status(session, "the sandbox is stopped; what is in it stays" if stopped else "the sandbox was not running")


def status(session: Session, values: Parameters) -> Outcome:
    """Say whether the sandbox runs, and where."""
    if (running := session.sandbox.find()) is not None:
        return _status(session, f"the sandbox is running · process {running.pid}")
    if (silent := session.sandbox.process()) is not None:
        return _status(session, f"the sandbox runs and does not answer · process {silent}", silent)
    return _status(session, "the sandbox is stopped")


def reset(session: Session, values: Parameters) -> Plan:
    """Throw everything in the sandbox away, after asking."""

    def act() -> Result:
        kept = session.sandbox.reset()
        said = "the sandbox is empty" + (f"; what was damaged is kept in {kept}" if kept else "")
        return Result("sandbox", None, Status.SUCCEEDED, said=said, current={"running": False})

    planned = Result("sandbox", None, Status.PLANNED, said="the sandbox would be emptied; nothing was changed")
    question = Question(Ask.YES, "Everything in the sandbox goes: instances, buckets, zones, records.")
    return Plan.of_one("empty the sandbox", planned, act, question=question)


def env(session: Session, values: SandboxEnv) -> Outcome:
    """Return the exports with which `aws`, Terraform and others reach the sandbox; starts it if need be."""
    running = session.sandbox.ensure()
    keys = session.sandbox.keys(values.as_owner)
    region = session.located_on("sandbox").region or DEFAULT_REGION
    exports = {
        "HANDRAIL_TARGET": "sandbox",
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    lines = [f"export {name}={word(value)}" for name, value in exports.items()]
    # What the shell has of a real account must not travel to the sandbox, nor win over these.
    elsewhere = sorted(name for name in session.environ if name.startswith("AWS_ENDPOINT_URL_"))
    lines.append(" ".join(("unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE", *elsewhere)))
    return Outcome(text="\n".join(lines) + "\n")


START = Operation(
    "sandbox", "start", "start the sandbox, unless it runs", "handrail sandbox start", Effect.LOCAL, start
)
STOP = Operation(
    "sandbox", "stop", "stop the sandbox; what is in it stays", "handrail sandbox stop", Effect.LOCAL, stop
)
STATUS = Operation(
    "sandbox", "status", "say whether the sandbox runs, and where", "handrail sandbox status", Effect.LOCAL, status
)
RESET = Operation(
    "sandbox",
    "reset",
    "throw everything in the sandbox away",
    "handrail sandbox reset",
    Effect.LOCAL,
    reset,
    noun="sandbox",
    plans=True,
)
ENV = Operation(
    "sandbox",
    "env",
    "print the exports with which aws, Terraform and others reach the sandbox",
    'eval "$(handrail sandbox env)"',
    Effect.LOCAL,
    env,
    parameters=SandboxEnv,
)
