import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.tables.writing.formulas import FORMULA, NUMBER, harmless, unmarked

RUN = [
    "=1+1",
    "==",
    "=abc",
    "= 1+1",
    '="00042"',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "-1+cmd",
    "-1 + cmd",
    "- 1+cmd",
    "+A1",
    "-A1",
    "-$A$1",
    "+(A1)",
    "-(1+2)",
    "-1*2",
    "-1-1",
    "-2+3+cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-cmd|'/c calc'!A0",
    "@SUM(1,2)",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "@sum (1)",
    "@cmd|' /C calc'!A0",
    "+SUM(1)",
    "-SUM (1)",
    '+HYPERLINK("http://x","a")',
    "--1+cmd",
    "-+-A1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    '"=1+1"',
    "\u00a0=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(1)",
    " \t-1+cmd",
    "\t@SUM(1)",
    "-1e5+2",
    "+1-800-FLOWERS",
    "-MIN(A1:A2)",
    "+LOG10(5)",
    '-"a"&A1',
    "-1^2",
    "+1=1",
    "-A1:B2",
    "+'\\\\srv\\[x.xls]S'!A1",
    "+[x.xls]S!A1",
    "-#REF!+1",
    "-TRUE+1",
    "+rundll32|'URL.dll,OpenURL calc.exe'!A",
    '+IF(WEBSERVICE("http://x")=1,1,2)',
    "@A1+cmd|'/c x'!A1",
    "-СУММ(A1)",
    "\x0b=1",
    "\u3000=1",
    "+Sheet2!A1",
    "-1+(2)",
    "=",
    "-@SUM(1)",
    "-{1}+A1",
    "-1%+A1",
    "-A1%",
    "-SUM(\n1)",
    "-1\n+cmd",
]
NOT_RUN = [
    "",
    "-12.50",
    "-3",
    "0",
    "1e5",
    "-1e-5",
    "+1.5E+10",
    "-",
    "--",
    "---",
    "-12,50",
    "-1.234,56",
    "-1'234.50",
    "-1 234,50",
    "-1,234.50",
    "-5%",
    "-$5",
    "-€5.00",
    "+€ 5",
    "-5 EUR",
    "-5 €",
    "+44 20 7946 0000",
    "+1 202 555 0100",
    "+1-202-555-0100",
    "+1 (202) 555-0100",
    "+1(202)555-0100",
    "+1.202.555.0100",
    "+44(0)20 7946 0000",
    "+49/30/123456",
    "+49 30 1",
    "@home",
    "@115712 my parcel never came",
    "@AppleSupport why does print(x) fail",
    "@acme",
    "@115712",
    "@AmazonHelp @115821 hi (again)",
    "- I was charged twice\n- and nobody answers",
    "- refund",
    "-refund",
    "+1 on that, app crashes",
    "+1",
    "+1!",
    "- -",
    "-;)",
    "-:",
    "->",
    "-> see here",
    "-------- Forwarded message --------",
    "-----BEGIN-----",
    "-- \nBob",
    "- I was charged twice (again)",
    "- where is my order?",
    "a=1",
    "1-1",
    "'=1+1",
    "'-1+cmd",
    "text =1+1",
    "safe\n=1+1",
    "a@b.com",
    "- 5",
    "+ 44",
    "-12:30",
    "-5 °C",
    "+/-",
    "+",
    "@",
    "@ home",
    "@me: help!",
    "@x down | again! help",
    "- order 5-6 days late",
    "-.5",
    "+.5e3",
    "-5 (five)",
    "+44 7700 900123 ext. 5",
    "- my bill is -5.00 + 3.00 = wrong",
    "－",
    "-5.00-",
    "+33 1 23 45 67 89",
    "(555) 010",
    "-1/",
    "＠115712 my parcel",
    "\u22125",
    "-Inf",
    "-nan",
    "- Please call me (urgent)",
    "-1st",
    "+2h",
]
NEAR = st.text(st.sampled_from("=+-@ \t\n\"'()!|A1b.e,$*/^&:;%\u00a0＝－＠（é"), max_size=12)


@pytest.mark.parametrize("value", RUN)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(value: str) -> None:
    assert harmless(value) == f"'{value}"


@pytest.mark.parametrize("value", NOT_RUN)
def test_numbers_phones_handles_and_lists_stay(value: str) -> None:
    assert harmless(value) == value


@given(NEAR)
def test_no_cell_is_marked_twice(value: str) -> None:
    assert harmless(harmless(value)) == harmless(value)


@given(NEAR)
def test_a_mark_comes_off_again(value: str) -> None:
    assert unmarked(harmless(value)) == unmarked(value)


@pytest.mark.parametrize(
    ("value", "bare"),
    [("'=1+1", "=1+1"), ("'-1+cmd", "-1+cmd"), ("'-5", "'-5"), ("'hi'", "'hi'"), ("''=1", "''=1")],
)
def test_only_the_mark_is_taken_off(value: str, bare: str) -> None:
    assert unmarked(value) == bare


@pytest.mark.skipif(not shutil.which("node"), reason="no node here")
def test_javascript_reads_the_patterns_alike() -> None:
    script = """
        const [formula, number, values] = JSON.parse(require("fs").readFileSync(0));
        const [run, plain] = [new RegExp(formula, "u"), new RegExp(number, "u")];
        console.log(JSON.stringify(values.map((v) => run.test(v) && !plain.test(v))));
    """
    given = json.dumps([FORMULA, NUMBER, RUN + NOT_RUN])
    done = subprocess.run(
        ["node", "-e", script], input=given, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [True] * len(RUN) + [False] * len(NOT_RUN)


@pytest.mark.parametrize(
    "piece", ["a", "a+", "|'", "1 ", " ", "|", "\u00a0", "\u00a0a", "- ", "()", "\uff0b", "A1:"]
)
@pytest.mark.parametrize("sign", ["-", "@", ""])
def test_a_long_cell_is_judged_in_linear_time(sign: str, piece: str) -> None:
    """What is quadratic takes minutes."""
    harmless(sign + piece * 300_000 + " x y")
