"""A chart as inline SVG for a page: its colours follow the page, and equal charts are equal text."""

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from matplotlib import style
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from crm_analytics.plotting.style import ACTUAL, EXPECTED, INK, MUTED, SECOND, SERIES, THIRD

# CSS variables that a page may set; without them a chart has the colours of the shared look.
COLOURS = {
    INK: "--chart-ink",
    ACTUAL: "--chart-actual",
    EXPECTED: "--chart-expected",
    SECOND: "--chart-second",
    THIRD: "--chart-third",
    MUTED: "--chart-muted",
    SERIES[3]: "--chart-fourth",
    SERIES[4]: "--chart-fifth",
    SERIES[5]: "--chart-sixth",
}

# Over matplotlib's defaults, so that the reader's own matplotlibrc does not show.
_LOOK = {
    "svg.fonttype": "none",  # text stays text, in the page's font
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
_NO_METADATA = dict.fromkeys(["Creator", "Date", "Format", "Type"])  # where dates and addresses would stand


def svg_chart(
    draw: Callable[[Any], Any], *, name: str, label: str, width: float = 4.4, height: float = 2.8
) -> str:
    """Draw a chart and return it as an <svg> element to put inside an HTML page.

    Parameters
    ----------
    draw : callable
        Draws on the Axes it is given, such as `lambda ax: plot_tracking(table, ax=ax)`.
    name : str
        Begins the element's ids, so that several charts may share a page.
    label : str
        What the chart shows, for those who cannot see it.
    width, height : float
        In inches, at which text has its natural size; the page may scale it.

    Returns
    -------
    str
        Text only: no script, font or address. Colours of the shared look become CSS
        variables (`COLOURS`). The same chart gives the same text; no figure stays open.
    """
    with style.context(["default", _LOOK | {"svg.hashsalt": name}]):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots())
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata=_NO_METADATA)
    return _for_page(ET.fromstring(drawn.getvalue()), name, label)  # noqa: S314  our own drawing


def _for_page(svg: ET.Element, name: str, label: str) -> str:
    """Strip what a file needs and a page does not; make ids unique and colours the page's."""
    for parent in svg.iter():
        parent.text, parent.tail = _unspaced(parent.text), _unspaced(parent.tail)
        for child in [c for c in parent if c.tag.endswith(("}metadata", "}style"))]:
            parent.remove(child)
    for element in svg.iter():
        element.tag = element.tag.rpartition("}")[2]
        given = {key.rpartition("}")[2]: " ".join(value.split()) for key, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update({key: _of_page(key, value, name) for key, value in given.items()})
    size = svg.attrib["viewBox"]
    svg.attrib.clear()
    svg.attrib.update({"viewBox": size, "role": "img", "aria-label": label})
    return ET.tostring(svg, encoding="unicode")


def _unspaced(text: str | None) -> str | None:
    return text if text and text.strip() else None


def _of_page(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return value.replace("#", f"#{name}-")
    if key == "clip-path":
        return value.replace("url(#", f"url(#{name}-")
    if key == "style":
        value = re.sub(r"font-family: [^;]*(; )?", "", value)
        value = re.sub(r"font: ([\w.]+) [^;]*", r"font-size: \1", value)  # as matplotlib 3.9 puts it
        for colour, variable in COLOURS.items():
            value = value.replace(colour, f"var({variable}, {colour})")
    return value
