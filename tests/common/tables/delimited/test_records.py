import pytest

from common.tables.delimited.layout import find_layout
from common.tables.delimited.records import Records


def records(lines: bytes) -> Records:
    return Records(find_layout(b"\n" + lines, final=True, max_open=1000))


def held(found: Records) -> list[bytes]:
    return [found.bytes_of(n).rstrip(b"\r\n") for n in range(len(found.starts))]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"a,b\nc,d\n", [b"a,b", b"c,d"]),
        (b"a\r\n\r\nb\r\n", [b"a", b"b"]),
        (b"a\r\rb\r\n\nc\n", [b"a", b"b", b"c"]),
        (b'"a\n\nb",c\n""\n', [b'"a\n\nb",c', b'""']),
        (b'a,"b\nc,d\n', [b'a,"b', b"c,d"]),
        (b'a,"b\r\nc,d\n"x\n', [b'a,"b', b"c,d", b'"x']),
    ],
)
def test_records_by_position(lines: bytes, expected: list[bytes]) -> None:
    assert held(records(lines)) == expected


def test_unreadable_records_are_told_apart() -> None:
    found = records(b'a\n\xff"\nb\n"c\n\x00\xff"\nd\n\xe2\x82\xac\n')
    found.reject_unreadable()
    assert [(r.number, r.reason, r.record) for r in found.rejected()] == [
        (1, "not UTF-8", '\\xff"'),
        (3, "NUL byte", '"c\n\x00\\xff"'),
    ]
    assert list(found.good()) == [0, 2, 4, 5]
    assert found.good_bytes() == b"\na\nb\nd\n\xe2\x82\xac\n"


def test_bad_bytes_are_found_among_many_records() -> None:
    lines = [b"line %d" % n for n in range(1000)]
    lines[255] = lines[256] = lines[999] = b"caf\xe9"
    found = records(b"\n".join(lines) + b"\n")
    found.reject_unreadable()
    assert [r.number for r in found.rejected()] == [255, 256, 999]


def test_first_reason_stays() -> None:
    found = records(b'a,"b\xff\nc,d\n')
    found.reject_unreadable()
    assert [(r.number, r.reason) for r in found.rejected()] == [(0, "broken quote")]


def test_quarantined_record_is_cut_at_64_kib() -> None:
    found = records(b"\xff" + b"x" * 70_000 + b"\n")
    found.reject_unreadable()
    assert found.rejected()[0].record == "\\xff" + "x" * 65_535
