"""A headless Chromium that opens pages, presses keys and tells what they show."""

import functools
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

AXE_PACKAGE = "axe-playwright-python==0.1.8"  # with axe-core 4.12.1

# Everything of a step that a test compares.
SHOWN = """
const text = (element) => element ? element.textContent.trim() : "";
const all = (selector) => [...document.querySelectorAll(selector)];
const figures = all(".panel [data-figure]").map((figure) => ({
  key: figure.dataset.figure, tensor: Number(figure.dataset.tensor), maps: figure.querySelectorAll("canvas").length,
  caption: text(figure.querySelector("figcaption")),
  values: [...figure.querySelectorAll("[data-value]")].map((cell) => [cell.dataset.value, cell.textContent]) }));
const rows = {};
for (const row of all(".row:not(.group)")) {
  rows[text(row.querySelector(".number"))] = {
    op: text(row.querySelector(".op")), value: text(row.querySelector(".value")), slot: text(row.querySelector(".slot")),
    future: row.classList.contains("future"), current: row.getAttribute("aria-current") };
}
return {
  figures, rows, panel: document.querySelector(".panel").innerHTML,
  sums: all(".contribution .slot-words").map((each) => each.lastChild.textContent),
  closures: text(all(".panel h3").find((each) => each.textContent.startsWith("Closures"))),
  memory: text(document.querySelector(".chart-words .area").parentElement.querySelector("b")),
  sentence: text(document.querySelector(".sentence")), step: Number(document.querySelector("input[type=range]").value) };
"""


class Browser:
    def __init__(self):
        options = Options()
        for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_script_timeout(120)
        self.size(1280, 1600)

    def size(self, width, height, scheme="light"):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, page: pathlib.Path, address=""):
        self.driver.get("about:blank")
        self.driver.get(page.resolve().as_uri() + address)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys):
        active = self.driver.switch_to.active_element
        for key in keys:
            active.send_keys(key)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def shown(self):
        return self.run(SHOWN)

    def data(self):
        return json.loads(self.run("return document.getElementById('tape').textContent"))

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def overflow(self):
        """How many pixels the page is wider than the window."""
        return self.run("return document.documentElement.scrollWidth - window.innerWidth")

    def quit(self):
        self.driver.quit()


@functools.cache
def axe_core(path):
    """The source of axe-core: that file, or what a package of PyPI carries."""
    if path:
        return path.read_text()
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, AXE_PACKAGE]
        subprocess.run(download, check=True)
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read("axe_playwright_python/axe.min.js").decode()


__all__ = ["Browser", "Keys", "axe_core"]
