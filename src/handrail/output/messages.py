"""Owns stderr: plans, questions, progress, notes, warnings, errors. Results are rendered by result.py."""

import re
from collections.abc import Callable, Iterable
from typing import TextIO

from handrail.core.caller import Where
from handrail.core.errors import HandrailError, NotConfirmed
from handrail.core.plan import Ask, Plan, Question
from handrail.output.formats import json_text, needs_ascii, yaml_text
from handrail.output.lines import block, ends, fit, hang, sentence, width
from handrail.output.style import Style
from handrail.output.table import columns_of, table
from handrail.output.values import failure

NOWHERE = Where(target="", account="", region="")
_DEFAULT_PROMPT = "Go on?"
_AMOUNTS = re.compile(r"\d[\d.,]*(?: (?:s|min|h|d)\b)?")


def nowhere() -> Where:
    """Return the place of a command that needs none."""
    return NOWHERE


class Console:
    """The person or program at the other end of a command: a core.plan.Listener, with warnings and errors besides.

    where is asked only when a change is shown, for the account number costs a call. yes answers every question;
    no_input forbids to ask. With -o json and -o yaml an error is one object, always the last thing on stderr; plans
    and summaries are then shown on a terminal only.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        stdin: TextIO,
        style: Style,
        where: Callable[[], Where] = nowhere,
        yes: bool = False,
        no_input: bool = False,
    ) -> None:
        self.out, self.err, self.stdin = out, err, stdin
        self.style, self.where = style, where
        self._yes, self._no_input = yes, no_input
        self._drawn = 0  # columns of the progress line that stands unfinished
        self._last_change = ""
        self._led_up = False

    def show_plan(self, plan: Plan) -> None:
        """Show what is about to be done, and where."""
        if not self._chats:
            return
        room = self.style.room(self.err)
        title = ends(self._safe(plan.title), place(self.where()), min(80, room or 80))
        self._say([title, *block(self._redacted(plan.facts), room)])
        self._led_up = True

    def confirm(self, question: Question) -> bool:
        """Ask, and return whether the answer was yes. Raises NotConfirmed where nobody can be asked."""
        if self._yes:
            return True
        self._require_a_person(question)
        room = self.style.room(self.err)
        self._say([*hang("", self._safe(question.text), room), *self._rows_of(question)])
        self._led_up = False
        answer = self._answer(_prompt(question))
        if question.ask is Ask.WORD:
            return answer == question.word
        return answer.lower() in ("y", "yes")

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
            self._say(hang("", self._safe(text), self.style.room(self.err)))

    def warn(self, text: str) -> None:
        """Say what should worry; --quiet does not hide it."""
        self._say(hang("warning: ", self._safe(text), self.style.room(self.err)))

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

    def summarize(self, *texts: str, facts: Iterable[tuple[str, str]] = ()) -> None:
        """Say the lines below a result, and a block of facts; people only, and not with --quiet."""
        if self._chats:
            room = self.style.room(self.err)
            self._say([*(self._safe(text) for text in texts if text), *block(self._redacted(facts), room)])

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
    def _chats(self) -> bool:
        return not self.style.quiet and (self.style.for_people or self.err.isatty())

    def _require_a_person(self, question: Question) -> None:
        """Refuse to ask into the void: a prompt that nobody sees would hang, an answer from a pipe is nobody's."""
        if self._no_input:
            reason = "--no-input forbids to ask"
        elif not (self.stdin.isatty() and self.err.isatty()):
            reason = "there is no terminal to ask on"
        else:
            return
        raise NotConfirmed(
            f"this needs a yes, and {reason}; nothing was changed.",
            hint="add --yes to answer it",
            facts=[("question", question.text)],
            details={"question": question.text},
        )

    def _rows_of(self, question: Question) -> Iterable[str]:
        if not question.rows:
            return ()
        columns = question.columns or columns_of(question.rows[0])
        return table(columns, question.rows, self.style, color=self.style.colors(self.err))

    def _answer(self, prompt: str) -> str:
        """Return the line that was typed, trimmed; an end of input, or bytes that are no text, are no answer."""
        self.err.write(prompt)
        self.err.flush()
        try:
            line = self.stdin.readline()
        except UnicodeDecodeError:
            return ""
        if not line:
            self.err.write("\n")
        return line.strip()

    def _redraw(self, line: str) -> None:
        self.out.flush()
        # Spaces over what was longer, rather than an escape sequence: it works on every terminal.
        self.err.write("\r" + line + " " * (self._drawn - width(line)))
        self.err.flush()
        self._drawn = width(line)

    def _three_parts(self, error: HandrailError) -> Iterable[str]:
        room = self.style.room(self.err)
        yield from hang("error: ", self._safe(error.message), room)
        hint = [("try", error.hint)] if error.hint else []
        yield from block(self._redacted([*error.facts, *hint]), room)

    def _redacted(self, facts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(label, self.style.redact(text)) for label, text in facts]

    def _safe(self, text: str) -> str:
        return sentence(self.style.redact(text))

    def _say(self, lines: Iterable[str]) -> None:
        """Write lines to stderr, below what stdout has so far."""
        self.finish()
        self.out.flush()
        for line in lines:
            self.err.write(line + "\n")
        self.err.flush()


def place(where: Where) -> str:
    """Return where a change happens: target, account (the sandbox's is made up, and left out) and region."""
    account = "" if where.target == "sandbox" else where.account
    return " · ".join(part for part in (where.target, account, where.region) if part)


def _prompt(question: Question) -> str:
    if question.ask is Ask.YES:
        return f"{question.prompt} [y/N] "
    if question.prompt != _DEFAULT_PROMPT:
        return f"{question.prompt.rstrip(': ')}: "
    return f"Type {'their number' if question.word.isdigit() else 'its name'} to confirm: "
