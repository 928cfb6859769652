"""Picture the top of a report: python docs/screenshot.py REPORT.html docs/images/report.png"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1200, 1160
LIMIT = 250 * 1024


def screenshot(report: Path, picture: Path) -> int:
    """Save the top of `report` as a PNG; return its size in bytes."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.absolute().as_uri())
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=picture)
        browser.close()
    size = picture.stat().st_size
    if size > LIMIT:
        raise SystemExit(f"{picture} has {size:,} bytes, more than {LIMIT:,}: lower HEIGHT.")
    return size


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    print(f"{sys.argv[2]}: {screenshot(Path(sys.argv[1]), Path(sys.argv[2])):,} bytes")
