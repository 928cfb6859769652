"""A household's page in a real browser: laptop and phone, light and dark, paper."""

import os
import shutil
from datetime import date

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

from crm_analytics import read_log
from crm_analytics.profiling import KINDS, Claim, Context, Kind, Population, Profile
from crm_analytics.reports import household_report

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTHS = {"laptop": 1280, "phone": 360}


def lines_of(cards, n):
    """Lines of some cards at three stores, drawn at random."""
    rng = np.random.default_rng(6)
    receipt = np.sort(rng.integers(0, n // 3, n))
    start = pd.Timestamp("2008-01-05 09:12")
    return pd.DataFrame(
        {
            "customer_id": np.array(cards)[receipt * 7 % len(cards)],
            "transaction_id": receipt + 1_000_000,
            "item_id": rng.integers(0, 30, n),
            "occurred_at": start + pd.to_timedelta(receipt * 29, unit="h"),
            "quantity": rng.integers(1, 4, n),
            "amount": rng.integers(50, 9000, n) / 100,
            "store_id": np.array(["s1", "s2", "s3"])[receipt % 17 // 7],
            "description": [f"Çınar Süt {i} L" for i in rng.integers(1, 4, n)],
            "category": "milk",
        }
    )


STORES = pd.DataFrame(
    {
        "store_id": ["s1", "s2", "s3"],
        "name": ["Suadiye", "Maslak", "Marmaris"],
        "kind": ["supermarket", "restaurant", "marina"],
        "town": ["Istanbul", "Istanbul", "Marmaris"],
        "district": ["Suadiye", "Maslak", "Marmaris"],
        "latitude": [40.961, 41.112, 36.855],
        "longitude": [29.083, 29.020, 28.274],
    }
)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed, and CI must see the page in a browser")
        pytest.skip("chromium is not installed: the page is not seen in a browser")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The page of two card holders with stays, a change and more favourites than are shown at once."""
    cards = pd.DataFrame({"customer_id": ["Z", "O"], "household_id": "ZO"})
    forms = pd.DataFrame({"customer_id": ["Z", "O"], "married": True, "email_domain": "okul.example"})
    context = Context(cards=cards, stores=STORES, forms=forms)
    household = Population.read(read_log(lines_of(["Z", "O"], 700)), context).household("ZO")
    words = {"plain": {"en": "They are said to like {subject:word}.", "tr": "{subject:word}"}}
    nulls = {"none": {"en": "nothing is so", "tr": "öyle değil"}}
    claims = [
        Claim(kind, np.arange(50), 1, "none", bayes_factor=1e9, subject=f"{kind} {i}", start=day)
        for kind, n, day in (("loyalty", 9, None), ("brand_switch", 3, date(2008, 6, 1)))
        for i in range(n)
    ]
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("loyalty", "brand_switch"):
            patch.setitem(KINDS, kind, Kind(kind, "detail", {"en": kind, "tr": kind}, words, nulls))
        page = household_report(Profile(household, tuple(claims)))
    written = tmp_path_factory.mktemp("page") / "page.html"
    written.write_text(page, "utf-8")
    return written


@pytest.fixture
def visit(browser, file):
    """Open the page; complain at the end of all that a quiet page does not do."""
    heard, contexts = [], []

    def open_page(*, width, scheme="light", media="screen"):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.emulate_media(media=media, color_scheme=scheme)
        page.on("console", lambda message: heard.append(f"console {message.type}: {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.on("request", lambda asked: asked.url in allowed or heard.append(f"request: {asked.url}"))
        allowed = {file.as_uri(), "data:,"}
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert heard == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_page_is_quiet_and_fits_with_all_evidence_open(visit, width, scheme):
    page = visit(width=width, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.body.scrollWidth") <= width


def test_a_finding_opens_to_its_lines(visit):
    page = visit(width=1280)
    finding = page.locator("#loyalty .claim").first
    assert not finding.locator("table").is_visible()
    finding.locator("summary").click()
    assert finding.locator("tbody tr").count() == 30
    assert finding.locator("table").is_visible()
    assert "and 20 lines more" in finding.inner_text()


def test_the_table_at_the_top_leads_to_the_findings(visit):
    page = visit(width=1280)
    for link in page.locator(".glance a").all():
        link.click()
        assert page.locator(":target h3").inner_text().startswith(link.inner_text())


def test_colours_follow_the_scheme(visit):
    def seen(scheme):
        return visit(width=1280, scheme=scheme).evaluate(
            """() => ["body", "svg text", ".bars .on", ".about"].map(css => {
                const style = getComputedStyle(document.querySelector(css));
                return css == "svg text" ? style.fill : css == ".bars .on" ? style.backgroundColor : style.color;
            })"""
        )

    assert all(light != dark for light, dark in zip(seen("light"), seen("dark"), strict=True))


def test_text_of_charts_can_be_read_on_a_phone_and_wide_charts_scroll(visit):
    page = visit(width=360)
    smallest = page.evaluate(
        """Math.min(...[...document.querySelectorAll("svg text")].map(t =>
            parseFloat(getComputedStyle(t).fontSize) * Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b)))"""
    )
    assert smallest >= 7
    for box in page.locator("figure.wide .scroll").all():
        assert box.evaluate("box => box.scrollWidth > box.clientWidth")


def test_names_in_charts_do_not_overlap(visit):
    page = visit(width=1280)
    overlapping = page.evaluate(
        """[...document.querySelectorAll("svg")].flatMap(svg => {
            const boxes = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
            return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([b, q]) =>
                p.left + 1 < q.right && q.left + 1 < p.right && p.top + 3 < q.bottom && q.top + 3 < p.bottom
            ).map(([b, q]) => [a, b]));
        })"""
    )
    assert overlapping == []


def test_print_is_dark_on_white_with_every_finding_and_without_closed_evidence(visit):
    page = visit(width=800, scheme="dark", media="print")
    colours = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    assert page.evaluate(colours) == ["rgb(27, 33, 41)", "rgb(255, 255, 255)"]
    assert all(said.is_visible() for said in page.locator(".said").all())
    assert not any(summary.is_visible() for summary in page.locator(".claim summary").all())


def test_every_table_and_chart_has_a_name(visit):
    page = visit(width=1280)
    for kind in ("table", "svg", "[role=region]"):
        found = page.locator(kind)
        assert found.count() > 0
        assert all(element.get_attribute("aria-label") for element in found.all())
