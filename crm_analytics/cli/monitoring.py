"""What `monitor` found, in lines to read and a chart to look at."""

from collections.abc import Callable
from pathlib import Path

from crm_analytics.batch import Monitoring
from crm_analytics.core.files import whole_file

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" '


def say_monitoring(found: Monitoring, *, say: Callable[[str], object]) -> None:
    """Tell what was compared, what was left out and why, who left, and every alarm."""
    before, after = (
        f"{n:,} customers as of {at:%Y-%m-%d}" for n, at in zip(found.customers, found.snapshots, strict=True)
    )
    n_drifted = int(found.drift["drifted"].sum())
    say(f"{before}, {after}: {len(found.drift):,} columns compared, {n_drifted:,} drifted")
    reasons = dict.fromkeys(found.left_out.values())
    for why in reasons:
        names = [name for name, reason in found.left_out.items() if reason == why]
        say(f"  not compared, {why}: {', '.join(names)}")
    _say_realised(found, say)
    for line in found.alarms():
        say(f"  Alarm: {line}")
    if not found.alarms():
        say("  No alarm.")


def _say_realised(found: Monitoring, say: Callable[[str], object]) -> None:
    if found.label_window is None:
        return
    begin, end = (f"{at:%Y-%m-%d}" for at in found.label_window)
    told = found.realised
    if told is None:
        say(
            f"  realised churn: not known yet; the label window ({found.label}) runs from {begin} until {end}, which "
            "the log does not reach."
        )
        return
    say(
        f"  realised churn ({found.label}, {begin} until {end}): {told.actual:,} of {told.customers:,} left, "
        f"{told.expected:,.0f} expected ({told.lower:,.0f} to {told.upper:,.0f}); AUC {told.auc:.3f}, Brier "
        f"{told.brier:.3f}, calibration error {told.calibration_error:.3f}"
    )


def write_drift_chart(found: Monitoring, path: Path) -> None:
    """Draw the drift of each column against what raises an alarm, into an SVG file, whole or not at all.

    Raises ValueError if the file is not named .svg, or no column could be compared.
    """
    if path.suffix.lower() != ".svg":
        raise ValueError(f"chart must be a file named .svg. Got {str(path)!r} instead.")
    table = found.limits()
    if table.empty:
        raise ValueError("chart: no column could be compared, so that there is nothing to draw.")
    from crm_analytics.plotting import plot_drift, svg_chart  # slow to load, and only needed here

    drawn = svg_chart(
        lambda ax: plot_drift(table, ax=ax),
        name="drift",
        label="Population stability index of each column",
        width=6.4,
        height=1.2 + 0.32 * min(len(table), 20),
    )
    with whole_file(path) as temporary:
        temporary.write_text(drawn.replace("<svg ", _SVG, 1), "utf-8")
