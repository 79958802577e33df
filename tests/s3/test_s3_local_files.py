"""Which files of a folder go, where the file system says no."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from handrail.aws.s3_files import read_head
from handrail.core.uploads import Filter, LocalFile
from handrail.operations.s3.local_files import gather


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a folder that other users reach too."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_folder_that_may_not_be_read_is_a_fault_and_the_rest_goes(shared: Path) -> None:
    (shared / "d" / "shut").mkdir(parents=True)
    (shared / "d" / "a.txt").write_text("a")
    (shared / "d" / "shut").chmod(0)
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)  # root would read everything
    try:
        batch = gather(shared, "d", "", Filter())
        shut = gather(shared, "d/shut/inner", "", Filter())
    finally:
        os.seteuid(mine)
    assert [file.key for file in batch.files] == ["a.txt"]
    assert [fault.file.shown for fault in batch.faults] == ["d/shut"]
    assert "can't be read" in str(batch.faults[0].error)
    assert "can't be read" in str(shut.faults[0].error)


def test_a_folder_may_lie_deep(shared: Path) -> None:
    deep = shared / "d" / "/".join(["x"] * 700)
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("a")
    batch = gather(shared, "d", "", Filter())
    assert (batch.files, len(batch.faults)) == ([], 1)
    assert "S3 takes 1,024" in str(batch.faults[0].error)


def test_links_that_no_filter_takes_are_no_faults(shared: Path) -> None:
    (shared / "d").mkdir()
    (shared / "d" / "loop").symlink_to(shared / "d")
    (shared / "d" / "broken").symlink_to("nowhere")
    (shared / "d" / "other").symlink_to(shared / "e")
    (shared / "e").mkdir()
    (shared / "e" / "a.html").write_text("a")
    batch = gather(shared, "d", "p/", Filter(include=("*.html",)))
    assert batch.faults == []
    assert [file.key for file in batch.files] == ["p/other/a.html"]


def test_empty_folders_are_counted_where_they_would_go(shared: Path) -> None:
    for name in ("d/void", "d/deep/void", "d/full", "d/left"):
        (shared / name).mkdir(parents=True)
    (shared / "d" / "full" / "a.txt").write_text("a")
    (shared / "none").mkdir()
    assert gather(shared, "d", "", Filter(exclude=("left",))).empty_folders == 2
    assert gather(shared, "d", "", Filter(include=("*.txt",))).empty_folders == 0
    assert gather(shared, "none", "", Filter()).empty_folders == 0, "it is named itself, and said so"


def test_names_that_no_answer_of_s3_could_hold(shared: Path) -> None:
    (shared / "ctl\x01x").write_text("a")
    batch = gather(shared, "ctl\x01x", "", Filter())
    assert batch.files == []
    assert "control character" in str(batch.faults[0].error)


def test_the_head_of_what_can_t_be_read_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 2000)
    os.mkfifo(tmp_path / "pipe")
    heads = [read_head(LocalFile(str(tmp_path / name), name, name, 1)) for name in ("a", "pipe", "nowhere", ".")]
    assert heads == [b"x" * 1024, b"", b"", b""]
