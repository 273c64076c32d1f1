"""What larger sizes would take: by hand, from two sizes that lie on a line."""

from typing import Any

import pytest

from benchmarks.full_size.growth import growths, measured_table, projected_table


def run_of(messages: int, landing: float, scoring: float) -> dict[str, Any]:
    return {
        "stages": {
            "transformation": {"rows_out": messages, "seconds": 20.0, "peak_mb": 900},
            "landing": {"seconds": landing, "peak_mb": 300},
            "scoring": {"seconds": scoring, "peak_mb": 1200},
        }
    }


RUNS = [run_of(1_000, 1, 5), run_of(1_000_000, 2, 410), run_of(2_000_000, 3, 810)]


def test_a_stage_has_a_fixed_part_and_one_for_each_message() -> None:
    found = growths(RUNS)
    assert found["landing"] == pytest.approx((1, 1))
    assert found["scoring"] == pytest.approx((10, 400))
    assert found["transformation"] == pytest.approx((20, 0))
    # 10 + 400 * 100 seconds.
    assert found["scoring"].hours(100_000_000) == pytest.approx(11.11, abs=0.01)


def test_tables_name_each_stage_and_the_sum() -> None:
    measured = measured_table(RUNS)
    assert measured[0].startswith("| stage | 1,000 messages: s | 1,000 messages: MB | 1,000,000 m")
    assert "| landing | 1 | 300 | 2 | 300 | 3 | 300 | 1.0 | 1 |" in measured
    projected = projected_table(RUNS)
    assert projected[0] == "| stage | 10 million | 100 million | 1,000 million |"
    assert "| scoring | 1.11 | 11.11 | 111.11 |" in projected
    # 20 s, 1 + 10 s and 10 + 4,000 s are 1.12 hours.
    assert projected[-1].startswith("| all, machine-hours | 1.1 | 11.1 | ")
