"""The page in a real browser: laptop and phone, light and dark, with nothing fetched and nothing broken."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTHS = {"laptop": 1280, "phone": 360}


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


@pytest.fixture
def visit(browser, request, tmp_path):
    """Open a page; complain at the end of all that a quiet page does not do."""
    heard, contexts = [], []

    def open_page(which, *, width, scheme, media="screen"):
        file = tmp_path / f"{which}.html"
        file.write_text(request.getfixturevalue(which).page, "utf-8")
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.emulate_media(media=media, color_scheme=scheme)
        page.on("console", lambda message: heard.append(f"console {message.type}: {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
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
@pytest.mark.parametrize("which", ["cdnow", "evil"])
def test_the_page_is_quiet_and_fits(visit, which, width, scheme):
    page = visit(which, width=width, scheme=scheme)
    assert page.locator("h1").count() == 1
    assert page.locator("h2").count() == 5
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.body.scrollWidth") <= width


def test_headings_are_visible_and_the_questions_lead_to_them(visit):
    page = visit("cdnow", width=1280, scheme="light")
    for heading in page.locator("h2").all():
        assert heading.is_visible()
    for link in page.locator("nav a").all():
        link.click()
        assert page.locator(":target h2").count() == 1


def test_colours_follow_the_scheme(visit):
    def seen(scheme):
        page = visit("cdnow", width=1280, scheme=scheme)
        return page.evaluate(
            """() => {
                const style = (css) => getComputedStyle(document.querySelector(css));
                const line = [...document.querySelectorAll("svg path")]
                    .find(path => path.style.stroke.includes("--chart-expected"));
                return [style("body").backgroundColor, style("body").color, style("svg text").fill,
                    getComputedStyle(line).stroke];
            }"""
        )

    light, dark = seen("light"), seen("dark")
    assert light[0] == "rgb(245, 246, 248)"
    assert all(first != second for first, second in zip(light, dark, strict=True))
    assert light[2] == light[1]  # text of charts is as dark as text of the page
    assert dark[2] == dark[1]


def test_text_of_charts_has_the_pages_font_and_can_be_read_on_a_phone(visit):
    page = visit("cdnow", width=360, scheme="light")
    fonts, smallest = page.evaluate(
        """() => {
            const texts = [...document.querySelectorAll("svg text")];
            return [
                new Set(texts.map(t => getComputedStyle(t).fontFamily)).size,
                Math.min(...texts.map(t => parseFloat(getComputedStyle(t).fontSize)
                    * Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b))),
            ];
        }"""
    )
    assert fonts == 1
    assert smallest >= 7


def test_wide_tables_scroll_inside_their_own_box(visit):
    page = visit("cdnow", width=360, scheme="light")
    box = page.locator(".scroll").first
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    box.evaluate("box => { box.scrollLeft = 50 }")
    assert box.evaluate("box => box.scrollLeft") == 50


def test_print_is_dark_on_white(visit):
    page = visit("cdnow", width=800, scheme="dark", media="print")
    colour, ground = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (colour, ground) == ("rgb(27, 33, 41)", "rgb(255, 255, 255)")


def test_every_table_and_chart_has_a_name(visit):
    page = visit("cdnow", width=1280, scheme="light")
    for kind in ("table", "svg", "[role=region]"):
        found = page.locator(kind)
        assert found.count() > 0
        assert all(element.get_attribute("aria-label") for element in found.all())
