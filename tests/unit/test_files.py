"""Where files lie, and that they are written privately and as a whole."""

import os
import shlex
import socket
import stat
from pathlib import Path

import pytest

from handrail import files
from handrail.core.errors import NotSetUp, Usage


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """A file where a folder is needed: nobody, root included, can write below it."""
    path = tmp_path / "file"
    path.write_text("not a folder")
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_xdg_variables_and_the_state_variable_are_honoured(tmp_path: Path) -> None:
    folders = files.find_folders(
        {
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path / "c"),
            "XDG_STATE_HOME": str(tmp_path / "s"),
            "XDG_CACHE_HOME": str(tmp_path / "k"),
            "HANDRAIL_STATE_DIR": str(tmp_path / "box"),
        }
    )
    assert folders == files.Folders(
        config=tmp_path / "c" / "handrail",
        state=tmp_path / "s" / "handrail",
        cache=tmp_path / "k" / "handrail",
        sandbox=tmp_path / "box",
        home=tmp_path,
    )
    assert folders.settings == tmp_path / "c" / "handrail" / "settings.toml"


def test_without_them_all_lies_under_home(tmp_path: Path) -> None:
    folders = files.find_folders({"HOME": str(tmp_path)})
    for folder in (folders.config, folders.state, folders.cache):
        assert folder.is_relative_to(tmp_path)
        assert folder.name == "handrail"
    assert folders.sandbox == folders.state / "sandbox"


def test_without_home_the_password_file_tells() -> None:
    assert files.find_folders({}).home == Path.home()


def test_a_platform_folder_outside_home_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert files.find_folders({"HOME": str(tmp_path / "home")}).cache == tmp_path / "elsewhere" / "handrail"


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME", "HANDRAIL_STATE_DIR"])
def test_a_relative_folder_is_refused(variable: str, tmp_path: Path) -> None:
    with pytest.raises(NotSetUp, match=f"{variable} is not an absolute path") as caught:
        files.find_folders({"HOME": str(tmp_path), variable: "here"})
    assert caught.value.hint.startswith(f"export {variable}=/path/to/")


def test_a_file_is_private_with_its_folders_and_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    files.write(path, b"one")
    files.write(path, b"two")
    assert files.read(path) == b"two"
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert [item.name for item in path.parent.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (path / "in the way").mkdir(parents=True)
    with pytest.raises(NotSetUp, match="can't be written"):
        files.write(path, b"new")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_says_so() -> None:
    error = files._unwritable(Path("/x"), OSError(28, "No space left on device"))
    assert error.message == "/x can't be written: no space left on device."
    assert error.hint == "make room on that disk"


def test_a_folder_that_can_not_be_made_names_what_to_do(frozen: Path) -> None:
    with pytest.raises(NotSetUp, match="can't be written: ") as caught:
        files.write(frozen / "folder" / "file", b"")
    assert "HANDRAIL_STATE_DIR" in caught.value.hint


def test_a_folder_in_which_no_file_can_be_made_names_what_to_do() -> None:
    with pytest.raises(NotSetUp, match="/proc/self can't be written"):
        files.write(Path("/proc/self/handrail"), b"")


def test_only_what_is_surely_not_there_gives_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.read(tmp_path / "no") is None
    assert files.read(tmp_path / "no" / "folder" / "no") is None
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert files.read(Path("no")) is None


def test_a_file_where_a_folder_is_needed_is_said(frozen: Path) -> None:
    with pytest.raises(Usage, match=f"{frozen / 'no'} can't be read: {frozen} is no folder") as caught:
        files.read(frozen / "no")
    assert caught.value.hint.endswith(f"rm {frozen}")


def test_a_folder_that_is_a_link_to_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "config").symlink_to("gone")
    with pytest.raises(Usage, match=f"{tmp_path / 'config'} is a link to nothing"):
        files.read(tmp_path / "config" / "policy.toml")


def test_reading_what_can_not_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "memory").symlink_to("/proc/self/mem")
    with pytest.raises(Usage, match="can't be read: input/output error") as caught:
        files.read(tmp_path / "memory")
    assert caught.value.hint.startswith("ls -ld / ")
    assert caught.value.hint.endswith(f" {tmp_path / 'memory'}")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(Usage, match="can't be read: too many levels") as caught:
        files.read(tmp_path / "loop")
    assert "chmod" not in caught.value.hint
    with pytest.raises(Usage, match="can't be read: file name too long") as caught:
        files.read(tmp_path / ("x" * 300))
    assert caught.value.hint.startswith("ls -ld / ")


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "link").symlink_to("gone")
    (tmp_path / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        monkey = Path.cwd()
        os.chdir(tmp_path)  # the address of a socket is short
        try:
            listener.bind("socket")
        finally:
            os.chdir(monkey)
    kinds = {
        "device": "a device",
        "link": "a link to nothing",
        "pipe": "a pipe",
        "a folder": "a folder",
        "socket": "a socket",
    }
    for name, kind in kinds.items():
        with pytest.raises(Usage, match=f"{name} is not a file: it is {kind}") as caught:
            files.read(tmp_path / name)
        assert caught.value.hint.endswith(shlex.join(["rmdir" if kind == "a folder" else "rm", str(tmp_path / name)]))
    with pytest.raises(Usage, match="can't be read: too many levels of symbolic links"):
        files.read(tmp_path / "circle")


def test_the_null_device_is_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "hidden").symlink_to(os.devnull)
    assert files.read(tmp_path / "hidden") == b""


def test_a_stream_is_read_where_it_may_be_one() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"piped")
    os.close(writer)
    try:
        assert files.read(Path(f"/dev/fd/{reader}"), stream=True) == b"piped"
    finally:
        os.close(reader)


def test_a_pipe_gets_a_moment_for_its_writer_and_no_more(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(Usage, match="pipe gives nothing: nobody writes to it"):
        files.read(pipe, stream=True, patience=0.2)
    silent = os.open(pipe, os.O_RDWR)
    try:
        with pytest.raises(Usage, match="pipe gives nothing: its writer is silent"):
            files.read(pipe, stream=True, patience=0.2)
    finally:
        os.close(silent)


def test_nothing_is_read_without_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * files.LIMIT)
    assert files.read(path) == b"x" * files.LIMIT
    path.write_bytes(b"x" * (files.LIMIT + 1))
    with pytest.raises(Usage, match=r"file is longer than 1 MiB\.") as caught:
        files.read(path)
    assert caught.value.hint.endswith(f"ls -lL {path}")
    with pytest.raises(Usage, match="longer than 2 MiB"):
        files.read(Path("/dev/zero"), stream=True, limit=2 * 1024 * 1024)


def test_what_is_in_the_way_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert files.in_the_way(path) == ""
    path.symlink_to("nowhere")
    assert files.in_the_way(path) == f'{path} is a link to "nowhere", where nothing is: the file would be made there.'
    (tmp_path / "nowhere").touch()
    assert files.in_the_way(path) == f"{path} exists and would be overwritten."


def test_folders_above_are_private_too_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.make_folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert {mode(tmp_path / one) for one in ("a", "a/b", "a/b/c")} == {0o700}


def test_what_can_be_no_file_is_no_file_in_the_way(tmp_path: Path) -> None:
    assert files.in_the_way(tmp_path / "new") == ""
    with pytest.raises(Usage, match="can't be a file"):
        files.in_the_way(tmp_path / ("x" * 256))
