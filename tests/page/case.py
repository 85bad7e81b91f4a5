"""What the tests of pages share: the browser, the pages, the command line."""

import argparse
import functools
import json
import pathlib
import tempfile
import time
import unittest

from assemble import assemble
from browser import Browser
from tape import Expected

HERE = pathlib.Path(__file__).resolve().parent


parser = argparse.ArgumentParser(add_help=False)
parser.add_argument("--pages", type=pathlib.Path)
parser.add_argument("--axe", type=pathlib.Path)
settings, unittest_options = parser.parse_known_args()


def fixture(name):
    return json.loads((HERE / "fixtures" / f"{name}.json").read_text())


def on_each_page(test):
    """The test is called as test(self, page, data, expected), with the page open."""

    @functools.wraps(test)
    def run(self):
        for page in self.pages:
            with self.subTest(page=page.name):
                self.browser.open(page)
                data = self.browser.data()
                test(self, page, data, Expected(data))

    return run


class PageCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.scratch = pathlib.Path(cls.folder.name)
        if settings.pages:
            cls.pages = sorted(settings.pages.glob("*.html"))
        else:
            cls.pages = [cls.write(path.stem, fixture(path.stem)) for path in sorted((HERE / "fixtures").glob("*.json"))]
        assert cls.pages, "no pages to test"
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        cls.folder.cleanup()

    @classmethod
    def write(cls, name, data):
        page = cls.scratch / f"{name}.html"
        page.write_text(assemble(data))
        return page

    def setUp(self):
        self.browser.complaints()  # those of the test before
        self.browser.size(1280, 1600)

    def tearDown(self):
        self.assertEqual([], self.browser.complaints())
        self.assertEqual([], self.browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)"))

    def step(self):
        return int(self.browser.find("input[type=range]").get_attribute("value"))

    def wait_for(self, condition, what):
        for _ in range(100):
            if condition():
                return
            time.sleep(0.05)
        self.fail(f"never: {what}")

    def check_axe(self, what):
        found = self.browser.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then((results) => done(results.violations.map((each) => [each.id, "
            "each.nodes.slice(0, 3).map((node) => node.html + ' ' + node.failureSummary)])))")
        self.assertEqual([], found, what)
