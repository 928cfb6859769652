"""Inline SVG: the same each time, in the page's colours, without anything from outside."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from crm_analytics.plotting import plot_concentration, svg_chart
from crm_analytics.plotting.svg import COLOURS

SHARES = pd.DataFrame({"customers": [0.2, 1.0], "value": [0.6, 1.0]})


def draw(ax):
    plot_concentration(SHARES, ax=ax)


@pytest.fixture(scope="module")
def svg():
    return svg_chart(draw, name="value", label='the top 20 % hold "60 %" & more')


def test_the_element_names_what_it_shows(svg):
    root = ET.fromstring(svg)
    assert root.tag == "svg"
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'the top 20 % hold "60 %" & more'


def test_text_stays_text_in_the_font_of_the_page(svg):
    texts = [element.text for element in ET.fromstring(svg).iter("text")]
    assert "share of expected value" in texts
    assert "font-family" not in svg
    assert re.search(r"font-size: \d", svg)


def test_nothing_points_outside(svg):
    assert "http" not in svg
    assert "<style" not in svg
    assert "metadata" not in svg
    assert all(target.startswith("#value-") for target in re.findall(r'href="([^"]*)"', svg))


def test_every_colour_is_a_variable_of_the_page(svg):
    without = re.sub(r"var\(--chart-[a-z]+, #[0-9a-f]{6}\)", "", svg)
    assert not re.search(r"#[0-9a-f]{6};|: #[0-9a-f]{6}", without)
    assert "var(--chart-expected, #0072b2)" in svg
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_ids_begin_with_the_name_and_every_reference_is_found(svg):
    ids = re.findall(r' id="([^"]*)"', svg)
    references = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("value-") for name in ids)
    assert references
    assert {first or second for first, second in references} <= set(ids)


def test_two_charts_share_no_id(svg):
    other = svg_chart(draw, name="other", label="the same")
    ids = [set(re.findall(r' id="([^"]*)"', text)) for text in (svg, other)]
    assert not ids[0] & ids[1]


def test_the_same_chart_gives_the_same_text_in_another_process(svg):
    code = (
        "import sys; sys.stdout.reconfigure(encoding='utf-8')\n"
        "import pandas as pd\n"
        "from crm_analytics.plotting import plot_concentration, svg_chart\n"
        f"table = pd.DataFrame({SHARES.to_dict('list')})\n"
        "label = 'the top 20 % hold \"60 %\" & more'\n"
        "print(svg_chart(lambda ax: plot_concentration(table, ax=ax), name='value', label=label), end='')\n"
        "assert 'matplotlib.pyplot' not in sys.modules, 'a page needs no windows'\n"
    )
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert again.stderr.decode() == ""
    assert again.stdout.decode() == svg


def test_the_readers_own_style_neither_shows_nor_changes(svg):
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "red", "font.size": 30}):
        matplotlib.get_backend()  # which resolves itself when first asked, and would look like a leak
        before = matplotlib.rcParams.copy()
        assert svg_chart(draw, name="value", label='the top 20 % hold "60 %" & more') == svg
        assert dict(matplotlib.rcParams) == dict(before)
    assert plt.get_fignums() == []


def test_the_font_shorthand_of_older_matplotlib_is_read_too():
    from crm_analytics.plotting.svg import _of_page

    old = "font: 9px 'DejaVu Sans', 'Arial', sans-serif; text-anchor: middle; fill: #222222"
    assert _of_page("style", old, "x") == (
        "font-size: 9px; text-anchor: middle; fill: var(--chart-ink, #222222)"
    )
