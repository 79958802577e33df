"""The log of a command: where it can't go, that it is never in the way, and that nothing in it gives orders."""

import logging
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from conftest import Handrail


def test_a_log_file_is_only_its_owners_and_goes_on_at_its_end(handrail: Handrail) -> None:
    handrail.ok("ec2", "list", "--log-file", "log")
    path = handrail.cwd / "log"
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert " DEBUG botocore." in first
    handrail.ok("s3", "list", "--log-file", "log")
    assert path.read_text().startswith(first)
    assert len(path.read_text()) > len(first)


def test_a_log_that_is_full_is_one_warning(handrail: Handrail) -> None:
    done = handrail("ec2", "create", "--name", "full", "--log-file", "/dev/full")
    assert done.code == 0, done.err
    assert done.err.count("warning: the log ends here: No space left on device.") == 1
    assert "Traceback" not in done.err
    assert "Logging error" not in done.err


def test_a_log_file_that_goes_away_is_no_reason_to_stop(handrail: Handrail) -> None:
    class Removing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            (handrail.cwd / "log").unlink(missing_ok=True)

    remover = Removing()
    logging.getLogger().addHandler(remover)
    try:
        assert handrail("ec2", "list", "--log-file", "log").code == 0
    finally:
        logging.getLogger().removeHandler(remover)


@pytest.mark.parametrize("kind", ["pipe", "folder", "socket", "name", "under a file", "loop"])
def test_a_log_that_can_t_begin_is_exit_2_and_nothing_is_done(handrail: Handrail, kind: str) -> None:
    path = handrail.cwd / "log"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    elif kind == "loop":
        path.symlink_to("log")
    elif kind == "under a file":
        path.write_text("")
        path = path / "log"
    else:
        path = handrail.cwd / ("x" * 256)
    done = handrail("ec2", "create", "--name", "never", "--log-file", str(path))
    assert (done.code, "can't be written" in done.err) == (2, True), done.err
    assert handrail.json("ec2", "list") == []


def test_a_pipe_with_a_reader_takes_the_log(handrail: Handrail) -> None:
    path, found = handrail.cwd / "log", []
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)

    def read() -> None:
        while part := os.read(reader, 65536):
            found.append(part)

    thread = threading.Thread(target=read, daemon=True)
    os.set_blocking(reader, False)
    handrail.ok("sandbox", "status", "--log-file", "log")
    os.set_blocking(reader, True)
    holder = os.open(path, os.O_WRONLY)
    thread.start()
    handrail.ok("ec2", "list", "--log-file", "log")
    os.close(holder)
    thread.join()
    os.close(reader)
    assert b" DEBUG botocore." in b"".join(found)


def test_foreign_words_in_the_log_give_no_orders(handrail: Handrail, tmp_path: Path) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ValueError("no words")

    class Saying(logging.Handler):
        done = False

        def emit(self, record: logging.LogRecord) -> None:
            if not self.done:
                self.done = True
                logging.getLogger("foreign").info("a\x1b[2J\u202eb\n2026-01-01 00:00:00,000 INFO forged line\u200b")
                logging.getLogger("foreign").info("%r", Odd())

    saying = Saying()
    logging.getLogger().addHandler(saying)
    try:
        handrail.ok("ec2", "list", "--log-file", "log")
        err = handrail.ok("ec2", "list", "-vv").err
    finally:
        logging.getLogger().removeHandler(saying)
    log = (handrail.cwd / "log").read_text()
    assert "INFO foreign a\\x1b[2J\\u202eb\n    2026-01-01 00:00:00,000 INFO forged line\\u200b\n" in log
    assert "INFO foreign a record that can't be written: ValueError\n" in log
    assert "\x1b" not in log + err
