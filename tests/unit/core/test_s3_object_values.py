"""Files on their way to become objects: keys as `aws s3 cp` makes them, filters, parts, progress."""

import zlib
from itertools import product

import pytest

from handrail.core.errors import Usage
from handrail.core.s3_rules import check_key, check_key_prefix, check_new_key
from handrail.core.uploads import (
    MIB,
    OBJECT_LIMIT,
    PART,
    PART_LIMIT,
    Filter,
    LocalFile,
    Progress,
    Shipment,
    check_filter,
    checksum_text,
    content_type,
    file_key,
    fits_xml,
    folder_key,
    part_size,
    progress_text,
    stream_part_size,
    sum_sizes,
    xml_start,
)


def test_keys_as_aws_s3_cp_makes_them() -> None:
    assert file_key("../dir/a b.txt", "") == "a b.txt"
    assert file_key("a.txt", "site") == "sitea.txt"
    assert folder_key("css/x.css", "site/") == "site/css/x.css"


@pytest.mark.parametrize("size", [0, 1, PART, PART * PART_LIMIT, PART * PART_LIMIT + 1, 5 << 40, OBJECT_LIMIT])
def test_parts_are_at_most_ten_thousand(size: int) -> None:
    part = part_size(size)
    assert part >= PART
    assert part % MIB == 0
    assert -(-size // part) <= PART_LIMIT
    assert part == PART or -(-size // (part - MIB)) > PART_LIMIT, "no larger than it must be"


def test_parts_of_a_stream_grow_and_end() -> None:
    sizes = [stream_part_size(number) for number in (1, 1000, 1001, 5001, PART_LIMIT, PART_LIMIT + 1)]
    assert sizes == [PART, PART, 4 * PART, 8 * PART, 8 * PART, None]


def test_checksums_as_s3_writes_them() -> None:
    # AWS's own example: the CRC32 of "Hello world" is i9aeUg==.
    assert checksum_text(zlib.crc32(b"Hello world")) == "i9aeUg=="
    assert checksum_text(0) == "AAAAAA=="


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/index.html", "text/html"),
        ("a.css", "text/css"),
        ("a.tar.gz", "application/gzip"),
        ("a.txt.bz2", "application/x-bzip2"),
        ("a.svgz", "application/gzip"),
        ("a.txt.Z", "application/octet-stream"),
        ("README", "application/octet-stream"),
    ],
)
def test_content_types_by_name(name: str, expected: str) -> None:
    assert content_type(name) == expected


def test_filters() -> None:
    chosen = Filter(include=("*.html", "img/*"), exclude=("*/draft*", ".git"))
    taken = ["a.html", "b/c.html", "img/x/y.png"]
    left = ["a.css", "b/draft.html", ".git"]
    assert [path for path in taken + left if chosen.takes(path)] == taken
    assert Filter().takes("anything")
    assert chosen.leaves_out(".git")
    assert check_filter(["*"], []) == Filter(("*",))
    with pytest.raises(Usage, match="leaves nothing"):
        check_filter(["*.txt"], ["*"])


def test_progress_tells_files_bytes_rate_and_time_left() -> None:
    half = Progress(files=602, total_files=1204, sent=512 * MIB, total=1024 * MIB, seconds=4)
    text = progress_text(half)
    assert text == "602 of 1,204 files · 512.0 MiB of 1.0 GiB  ━━━━───  50 %  128.0 MiB/s  4 s left"
    little = Progress(files=0, total_files=1, sent=5, total=10, seconds=5)
    assert progress_text(little) == "0 of 1 file · 5 B of 10 B  ━━━━━━━━━━━━────────────  50 %  1 B/s  5 s left"
    assert progress_text(Progress(0, 1, 0, 0, 0.0)).endswith("100 %  0 B/s")
    assert progress_text(Progress(0, 1, 0, 10, 0.0)).endswith("0 %  0 B/s")
    assert progress_text(Progress(0, 1, 2048, None, 2.0)) == "0 of 1 file · 2.0 KiB · 1.0 KiB/s"


@pytest.mark.parametrize(
    ("total_files", "total", "seconds"),
    list(product((1, 1204, 99_999), (286 * MIB, 999 << 30, 40 << 40), (3, 3_600, 90_000))),
)
def test_progress_shows_all_that_counts_on_80_columns(total_files: int, total: int, seconds: int) -> None:
    text = progress_text(Progress(total_files - 1, total_files, total // 2, total, seconds))
    assert len(text) <= 79
    for part in (f"{total_files - 1:,} of {total_files:,} file", " of ", "B/s", "left"):
        assert part in text


def test_keys_that_xml_can_write() -> None:
    assert all(map(fits_xml, ("a b", "ü/\t\n\r", "\x7f", "\U0010ffff")))
    assert (xml_start("a\x01b\x02"), xml_start("ab")) == ("a", "ab")
    assert not any(map(fits_xml, ("a\x00", "\x01", "\x0b", "\x1f", "\ufffe", "\uffff")))


@pytest.mark.parametrize(
    ("key", "reason"),
    [("a\x01", "control character"), ("\uffff", "control character"), ("../a", "leads out"), ("", "")],
)
def test_keys_that_are_not_made(key: str, reason: str) -> None:
    with pytest.raises(Usage, match=f"can't be an object key: .*{reason}") as refused:
        check_new_key(key)
    assert refused.value.slug == "object_key"


def test_what_may_stand_before_keys() -> None:
    for prefix in ("", "v1/", "..", "a/../", "./"):
        assert check_key_prefix(prefix) == prefix
    for prefix in ("../", "a/../../", "x" * 1024, "\x02"):
        with pytest.raises(Usage, match="no object key can begin with"):
            check_key_prefix(prefix)
    assert check_new_key("a\tb") == "a\tb"
    assert check_key("a\x01") == "a\x01", "there may be such objects, and they can be removed"


def test_a_shipment_as_a_row() -> None:
    file = LocalFile("/x/a", "a", "k", 3)
    assert sum_sizes([file, file]) == 6
    row = Shipment(file, "uploaded", "AAAAAA==", "v1").as_json()
    assert row == {"path": "a", "key": "k", "size": 3, "status": "uploaded", "crc32": "AAAAAA==", "version": "v1"}
    failed = Shipment(file, "failed", error=Usage("no")).as_json()
    assert failed["crc32"] is None
    assert failed["error"] == {"code": "usage", "message": "no", "hint": "", "details": {}}
