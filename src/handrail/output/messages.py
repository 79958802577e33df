"""Owns stderr: plans, questions, progress, notes, warnings, errors. Results are rendered by result.py."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TextIO

from handrail.core.caller import Where
from handrail.core.errors import HandrailError, NotConfirmed
from handrail.core.plan import Ask, Facts, Plan, Question, Status
from handrail.output.formats import json_text, needs_ascii, yaml_text
from handrail.output.lines import LABEL, block, ends, fit, hang, sentence, width
from handrail.output.style import Style
from handrail.output.table import columns_of, table
from handrail.output.values import failure

NOWHERE = Where(target="", account="", region="")
_DEFAULT_PROMPT = "Go on?"
_AMOUNTS = re.compile(r"\d[\d.,]*(?: (?:s|min|h|d)\b)?")


class Console:
    """The person or program at the other end of a command: a core.plan.Listener, with warnings and errors besides.

    where is asked only when a change is shown, for the account number costs a call. yes answers every question;
    no_input forbids to ask; in a dry_run nothing is asked or sent. With -o json and -o yaml an error is one object,
    always the last thing on stderr; of a plan only the request is told then, unless somebody watches a terminal.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        stdin: TextIO,
        style: Style,
        where: Callable[[], Where] = lambda: NOWHERE,
        yes: bool = False,
        no_input: bool = False,
        dry_run: bool = False,
    ) -> None:
        self.out, self.err, self.stdin = out, err, stdin
        self.style, self.where = style, where
        self._yes, self._no_input, self._dry_run = yes, no_input, dry_run
        self._drawn = 0  # columns of the progress line that stands unfinished
        self._last_change = ""
        self._led_up = False
        self._announced: Plan | None = None

    def announce(self, plan: Plan) -> None:
        """Tell the request of a plan, also where nothing else is said; to people only where a repeat can name it."""
        if self._announced is not plan and (plan.again or not self._chats):
            self._say(self._comment(f"{label} {text}") for label, text in _requests(plan))
        self._announced = plan

    def show_plan(self, plan: Plan) -> None:
        """Show what is about to be done, and where.

        What its question lists is shown with it where nobody will be asked: the question shows it otherwise.
        """
        requests = () if self._dry_run else _requests(plan)
        if not self._chats:
            if requests:
                self.announce(plan)
            return
        room = self._room
        title = ends(self._safe(plan.title), place(_region_of(plan, self.where())), min(80, room or 80))
        facts = [fact for fact in plan.facts if fact not in _requests(plan)]
        told = requests if self._announced is not plan else ()
        self._announced = plan
        self._say([title, *block(self.style.hiding([*facts, *told]), room)])
        if plan.question is not None and (self._yes or self._dry_run):
            self._say(self._rows_of(plan.question, room, color=self.style.colors(self.err)))
        self._led_up = True

    def confirm(self, question: Question) -> bool:
        """Ask, and return whether the answer was yes. Raises NotConfirmed where nobody can be asked."""
        if self._yes:
            return True
        self._require_a_person(question)
        rows = self._rows_of(question, self._room, color=self.style.colors(self.err))
        self._say([*hang("", self._safe(question.text), self._room), *rows])
        self._led_up = False
        answer = self.ask(_prompt(question)) or ""
        if question.ask is Ask.WORD:
            return answer == question.word
        return answer.lower() in ("y", "yes")

    def ask(self, prompt: str) -> str | None:
        """Return the line that was typed, trimmed; None at the end of the input. Bytes that are no text are empty."""
        self.err.write(prompt)
        self.err.flush()
        try:
            line = self.stdin.readline()
        except UnicodeDecodeError:
            return ""
        except KeyboardInterrupt:
            self.err.write("\n")  # the cursor stands behind the prompt
            raise
        if not line.endswith("\n"):
            self.err.write("\n")
        return line.strip() if line else None

    def progress(self, text: str) -> None:
        """Say where a wait has got to: one line rewritten on a terminal; in a pipe, with -v, each change of state."""
        if self.style.quiet:
            return
        line = self._safe(text)
        if self.err.isatty():
            self._redraw(fit(line, self.style.width - 1))
            self._led_up = True
        elif self.style.verbose and (change := _AMOUNTS.sub("", line)) != self._last_change:
            self._last_change = change
            self._say([line])
            self._led_up = True

    def note(self, text: str) -> None:
        """Say something that stays; not with --quiet."""
        if not self.style.quiet:
            self._say(hang("", self._safe(text), self._room))

    def warn(self, text: str) -> None:
        """Say what should worry; --quiet does not hide it."""
        self._say(hang("warning: ", self._safe(text), self._room))

    def error(self, error: HandrailError) -> None:
        """Say what went wrong, the facts, and what to do; or the one object of JSON and YAML."""
        if self.style.for_people:
            self._say(self._three_parts(error))
        else:
            body = {"error": failure(error, self.style.redact)}
            ascii_only = needs_ascii(self.err)
            as_json = self.style.format == "json"
            text = json_text(body, indent=None, ascii_only=ascii_only) if as_json else yaml_text(body)
            self._say([text.rstrip("\n")])

    def summarize(self, empty: str, sum_up: Callable[[], str], facts: Iterable[tuple[str, str]] = ()) -> None:
        """Say what stands below a result, and a block of facts; people only, and not with --quiet.

        sum_up: makes the one line that sums it up, which may take a look that nobody else needs.
        """
        if self._chats:
            texts = [self._safe(text) for text in (empty, sum_up()) if text]
            self._say([*texts, *block(self.style.hiding(facts), self._room)])

    def print(self, lines: Iterable[str]) -> None:
        """Write lines of a result to stdout, in order with what stands on stderr."""
        self.finish()
        for line in lines:
            self.out.write(line + "\n")

    def set_apart(self) -> None:
        """Leave an empty line between the plan or progress and the block that says what came of it."""
        if self._led_up:
            self._say([""])
            self._led_up = False

    def finish(self) -> None:
        """End the progress line, if one stands, so that other lines begin below it."""
        if self._drawn:
            self._drawn = 0
            self.err.write("\n")
            self.err.flush()

    @property
    def has_a_person(self) -> bool:
        """Return whether somebody can be asked: a terminal on both sides."""
        return self.stdin.isatty() and self.err.isatty()

    @property
    def _room(self) -> int | None:
        return self.style.room(self.err)

    @property
    def _chats(self) -> bool:
        return not self.style.quiet and (self.style.for_people or self.err.isatty())

    def _require_a_person(self, question: Question) -> None:
        """Refuse to ask into the void: a prompt that nobody sees would hang, an answer from a pipe is nobody's."""
        if self._no_input:
            reason = "--no-input forbids to ask"
        elif not self.has_a_person:
            reason = "there is no terminal to ask on"
        else:
            return
        rows = self._rows_of(question, self._room and self._room - LABEL - 2)
        raise NotConfirmed(
            f"this needs a yes, and {reason}; nothing was changed.",
            hint="add --yes to answer it",
            facts=[("question", "\n".join([question.text, *rows]))],
            details={"question": question.text, "rows": [row.as_json() for row in question.rows]},
        )

    def _rows_of(self, question: Question, room: int | None, *, color: bool = False) -> Sequence[str]:
        """Return what a question lists, as the lines of a table."""
        if not question.rows:
            return ()
        columns = question.columns or columns_of(question.rows[0])
        return list(table(columns, question.rows, self.style, color=color, room=room))

    def _comment(self, line: str) -> str:
        """Return a line that leaves what is on stderr readable to a program: a comment, where YAML is spoken."""
        return self._safe(f"# {line}" if self.style.format == "yaml" else line)

    def _redraw(self, line: str) -> None:
        self.out.flush()
        # Spaces over what was longer, rather than an escape sequence: it works on every terminal.
        self.err.write("\r" + line + " " * (self._drawn - width(line)))
        self.err.flush()
        self._drawn = width(line)

    def _three_parts(self, error: HandrailError) -> Iterable[str]:
        yield from hang("error: ", self._safe(error.message), self._room)
        hint = [("try", error.hint)] if error.hint else []
        yield from block(self.style.hiding([*error.facts, *hint]), self._room)

    def _safe(self, text: str) -> str:
        return sentence(self.style.redact(text))

    def _say(self, lines: Iterable[str]) -> None:
        """Write lines to stderr, below what stdout has so far."""
        self.finish()
        self.out.flush()
        for line in lines:
            self.err.write(line + "\n")
        self.err.flush()


def _region_of(plan: Plan, where: Where) -> Where:
    """Return where a plan changes something: in the region of its targets, if they share one."""
    regions = {one.region for one in plan.planned if one.status is Status.PLANNED and one.region}
    return replace(where, region=regions.pop()) if len(regions) == 1 else where


def place(where: Where) -> str:
    """Return where a change happens: target, account (the sandbox's is made up, and left out) and region."""
    account = "" if where.target == "sandbox" else where.account
    return " · ".join(part for part in (where.target, account, where.region) if part)


def _requests(plan: Plan) -> Facts:
    """Return the request of a plan as it is told: what a repeat of the command names, else one of each target."""
    told = tuple(fact for fact in plan.facts if fact[0] == "request")
    ids = ", ".join(one.request for one in plan.planned if one.request and one.status is Status.PLANNED)
    return told or ((("request", ids),) if ids else ())


def _prompt(question: Question) -> str:
    if question.ask is Ask.YES:
        return f"{question.prompt} [y/N] "
    if question.prompt != _DEFAULT_PROMPT:
        return f"{question.prompt.rstrip(': ')}: "
    return f"Type {'their number' if question.word.isdigit() else 'its name'} to confirm: "
