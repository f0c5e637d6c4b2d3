"""Write the pictures of the sample papers as PNG files. Needs Chromium.

Run `.venv/bin/python -m devtools.sample.draw_pictures` after a change in `plots` or `diagrams`.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from devtools.sample import diagrams, plots
from devtools.sample.drawing import PICTURES, Drawing

FOLDER = Path(__file__).parent / "pictures"
MODULES = (diagrams, plots)  # importing them registers their pictures


def draw(arxiv_id: str) -> str:
    """Return the SVG of a picture; the same for each run."""
    drawing = Drawing()
    PICTURES[arxiv_id](drawing, random.Random(arxiv_id))  # noqa: S311
    return drawing.svg()


def main() -> None:
    """Write all pictures as PNG, through Chromium."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--window-size=800,600"):
        options.add_argument(argument)
    service = Service(shutil.which("chromedriver"))
    with TemporaryDirectory() as folder, webdriver.Chrome(options, service) as browser:
        for arxiv_id in PICTURES:
            page = Path(folder) / "picture.html"
            page.write_text(f'<meta charset="utf-8"><body style="margin:0">{draw(arxiv_id)}')
            browser.get(page.as_uri())
            body = browser.find_element(By.TAG_NAME, "svg")
            (FOLDER / f"{arxiv_id}.png").write_bytes(body.screenshot_as_png)


if __name__ == "__main__":
    main()
