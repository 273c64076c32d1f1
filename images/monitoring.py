"""Draw what the dashboard's queries return now, without Grafana: docs/monitoring.png.

.venv/bin/python images/monitoring.py --url http://127.0.0.1:9090 --minutes 60
"""

import argparse
import json
import re
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "message_triage.json"
COLUMNS = 24  # of Grafana's grid
POINTS = 120  # a line
Series = tuple[str, list[float], list[float]]  # name, moments in seconds, values
Marks = list[float]  # moments of deployments


def draw(url: str, path: Path, *, minutes: float) -> None:
    """Draw the last minutes of all panels, each in its place."""
    plt.rcParams["date.converter"] = "concise"
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = board["panels"]
    end = time.time()
    prometheus = Prometheus(url, start=end - 60 * minutes, end=end)
    marks = [
        value / 1000
        for mark in board["annotations"]["list"]
        for _, _, values in prometheus.lines(mark["expr"], mark["titleFormat"])
        for value in set(values)
    ]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    fig = plt.figure(figsize=(16, rows * 0.36), dpi=75)
    grid = fig.add_gridspec(rows, COLUMNS, hspace=4.5, wspace=3.2)
    for panel in panels:
        place = panel["gridPos"]
        down, across = place["y"], place["x"]
        high = max(1, place["h"] - 1)
        ax = fig.add_subplot(grid[down : down + high, across : across + place["w"]])
        DRAWN[panel["type"]](ax, panel, prometheus, marks)
    fig.savefig(path, bbox_inches="tight", facecolor="white", metadata={"Software": None})
    with Image.open(path) as drawn:  # 64 colors are enough, in a third of the bytes
        drawn.quantize(64).save(path, optimize=True)


class Prometheus:
    """Queries over one span of time."""

    def __init__(self, url: str, *, start: float, end: float) -> None:
        self._url = url
        self.start, self.end = start, end
        self._step = (end - start) / POINTS
        config = self._get("status/config", {})["yaml"]
        self._every_s = int(re.findall(r"scrape_interval: (\d+)s", config)[0])

    def now(self, expression: str, name: str) -> list[tuple[str, float]]:
        """The last values by name."""
        found = self._get("query", {"query": self._filled(expression), "time": self.end})
        return [(_named(name, one["metric"]), float(one["value"][1])) for one in found["result"]]

    def lines(self, expression: str, name: str) -> list[Series]:
        """The values of the span by name."""
        asked = {"query": self._filled(expression), "start": self.start, "end": self.end}
        found = self._get("query_range", asked | {"step": self._step})
        lines = []
        for one in found["result"]:
            moments, values = zip(*one["values"], strict=True)
            lines.append((_named(name, one["metric"]), list(moments), list(map(float, values))))
        return lines

    def _filled(self, expression: str) -> str:
        """As Grafana does: four scrapes, or the step and one scrape, whichever is longer."""
        rate_s = max(4 * self._every_s, self._step + self._every_s)
        return expression.replace("$__rate_interval", f"{rate_s:.0f}s")

    def _get(self, path: str, asked: dict[str, object]) -> Any:
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 the caller's own
            return json.load(response)["data"]


def _named(name: str, labels: dict[str, str]) -> str:
    for label, value in labels.items():
        name = name.replace("{{" + label + "}}", value)
    return name


def _row(ax: Axes, panel: Any, _prometheus: Prometheus, _marks: Marks) -> None:
    ax.axis("off")
    ax.text(0, 0, panel["title"], size=12, weight="bold", transform=ax.transAxes)


def _stat(ax: Axes, panel: Any, prometheus: Prometheus, _marks: Marks) -> None:
    ax.axis("off")
    ax.set_title(panel["title"], size=9, loc="left")
    (target,) = panel["targets"]
    unit = panel["fieldConfig"]["defaults"]["unit"]
    shown = [
        f"{name} {_text(value, unit, prometheus.end)}"
        for name, value in prometheus.now(target["expr"], target["legendFormat"])
    ]
    ax.text(0, 0.6, "\n".join(shown), size=11, va="center", transform=ax.transAxes)


def _graph(ax: Axes, panel: Any, prometheus: Prometheus, marks: Marks) -> None:
    ax.set_title(panel["title"], size=9, loc="left")
    defaults = panel["fieldConfig"]["defaults"]
    lines = [
        line
        for target in panel["targets"]
        for line in prometheus.lines(target["expr"], target["legendFormat"])
    ]
    stacked = defaults["custom"].get("stacking", {}).get("mode") == "normal"
    below: dict[float, float] = {}
    for name, moments, values in lines:
        days = _days(moments)
        if stacked:
            floor = [below.get(moment, 0.0) for moment in moments]
            tops = [low + value for low, value in zip(floor, values, strict=True)]
            ax.fill_between(days, floor, tops, label=name, alpha=0.7)
            below |= dict(zip(moments, tops, strict=True))
        else:
            ax.plot(days, values, label=name, linewidth=1.2)
    for step in defaults.get("thresholds", {}).get("steps", []):
        if step["value"] is not None and "thresholdsStyle" in defaults["custom"]:
            ax.axhline(step["value"], color="red", linewidth=0.8)
    for moment in marks:
        if prometheus.start < moment < prometheus.end:
            ax.axvline(_days([moment])[0], color="tab:blue", linestyle="--", linewidth=0.9)
    ax.set_ylim(bottom=0)
    ax.set_xlim(*_days([prometheus.start, prometheus.end]))
    ax.xaxis_date()
    ax.xaxis.get_offset_text().set_visible(False)
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: _text(value, defaults["unit"], prometheus.end))
    )
    ax.tick_params(labelsize=8)
    ax.legend(fontsize=7, framealpha=0.6)


def _days(moments: list[float]) -> list[float]:
    return [moment / 86_400 for moment in moments]


def _text(value: float, unit: str, end: float) -> str:
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit == "dateTimeFromNow":
        return f"{(end - value / 1000) / 60:.0f} min ago"
    if unit == "s":
        return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
    return f"{value:.3g} /s" if unit in ("reqps", "cps") else f"{value:.3g}"


DRAWN = {"row": _row, "stat": _stat, "timeseries": _graph}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw what the dashboard's queries return.")
    parser.add_argument("--url", default="http://127.0.0.1:9090")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "monitoring.png")
    args = parser.parse_args()
    draw(args.url, args.out, minutes=args.minutes)
