"""Lenses: what they say about an op agrees with the recorded values."""

import math
import re

from browser import Keys
from case import PageCase, fixture
from tape import Expected, close, same


def number(text):
    return float(text.strip("() ").replace("−", "-").replace("∞", "inf"))


class LensTest(PageCase):
    def open_lens(self, name, address):
        data = fixture(name)
        self.browser.open(self.write(name, data), address)
        return Expected(data)

    def focus(self, selector):
        self.browser.run("document.querySelector(arguments[0]).focus()", selector)

    def test_product_is_written_out(self):
        """bmm's second product, one element after the other: terms, sum and recorded element agree."""
        expected = self.open_lens("attention", "#n6")
        node = expected.nodes[6]
        values = expected.elements(node["value"])
        _, rows, columns = expected.tape["tensors"][node["value"]]["shape"]
        self.browser.find(".picker select").send_keys("1")
        self.focus(".factor.result canvas")
        self.browser.press(*[Keys.ARROW_UP, Keys.ARROW_LEFT] * rows * columns)
        for i in range(rows):
            for j in range(columns):
                written = self.browser.find(".written-out")
                name, terms, _ = written.text.split(" = ")
                self.assertEqual(f"C[{i}, {j}]", name)
                total = sum(math.prod(map(number, term.split(" · "))) for term in terms.split(" + "))
                x = values[(rows + i) * columns + j]
                self.assertTrue(same(written.find_element("css selector", "[data-value]").get_attribute("data-value"), x))
                self.assertLess(abs(total - x), 2e-3)
                self.browser.press(Keys.ARROW_RIGHT)
            self.browser.press(Keys.ARROW_DOWN, *[Keys.ARROW_LEFT] * columns)
        self.browser.find(".pattern summary").click()
        self.assertIn("are exactly 0", self.browser.find(".pattern summary").text)
        self.assertEqual(3, len(self.browser.all(".kept li")))

    def test_products_of_the_walk(self):
        expected = self.open_lens("attention", "#w0v1")
        names = [button.text for button in self.browser.all(".switcher button")]
        self.assertEqual(["dA = dC Bᵀ", "dB = Aᵀ dC"], names)
        sent = {each["argument"]: each["value"] for each in expected.walks[0]["visits"][1]["contributions"]}
        for argument, button in enumerate(self.browser.all(".switcher button")):
            button.click()
            self.focus(".factor.result canvas")
            self.browser.press(Keys.ARROW_UP, Keys.ARROW_LEFT)
            exact = self.browser.find(".written-out [data-value]").get_attribute("data-value")
            self.assertTrue(same(exact, expected.elements(sent[argument])[0]))

    def test_water_level(self):
        """z = (1.2, 1, 0.9, 0.8, -1) and k = 3: tau = 0.7 on the support {0, 1, 2}."""
        self.open_lens("softmax", "#w0v0")
        words = self.browser.find(".lens .words").text
        self.assertIn("{0, 1, 2}, 3 of 5", words)
        self.assertTrue(close(re.search(r"tau = (.*)\.$", words)[1], 0.7))
        levels = [text.text for text in self.browser.all(".level-name")]
        self.assertEqual(2, len(levels))
        self.assertIn("0.7", levels[0])
        self.assertIn("3", levels[1])  # the mean of the cotangent (1, 2, 6) over the support
        self.focus(".lens canvas")
        self.browser.press(Keys.ARROW_DOWN)
        self.assertIn("∂p[1] / ∂z[0] = −0.333333", self.browser.find(".lens .readout").text)

    def test_triangle(self):
        self.open_lens("softmax", "#n3")
        self.assertIn("k ≥ 3", self.browser.find(".simplex figcaption").text)
        self.browser.find(".picker select").send_keys("[1")
        self.assertIn("p is 1, 0, 0", self.browser.find(".simplex svg").get_attribute("aria-label"))
        self.assertIn("{0}, 1 of 3", self.browser.find(".lens .words").text)
        self.browser.press(Keys.END)
        self.browser.run("window.location.hash = '#n5'")  # topk_softmax with k = 2
        self.wait_for(lambda: "k = 2" in self.browser.find(".simplex figcaption").text, "regions of topk_softmax")
        self.assertFalse(self.browser.all(".level"))

    def test_curves(self):
        """An element that was compared with differences: every number is there, the points lie where the errors say."""
        data = fixture("create_graph")
        (curve,) = data["curves"]
        self.open_lens("create_graph", "#w1end")
        said = [each.get_attribute("data-value") for each in self.browser.all(".curve dd [data-value]")]
        for text, name in zip(said, ("analytic", "numeric", "estimate"), strict=True):
            self.assertTrue(same(text, curve[name]))
        self.browser.find(".steps summary").click()
        cells = [each.get_attribute("data-value") for each in self.browser.all(".steps-table td")]
        numbers = [point[name] for point in curve["points"] for name in ("step", "forward", "central")]
        for text, x in zip(cells, numbers, strict=True):
            self.assertTrue(same(text, x))
        for name in ("forward", "central"):
            dots = self.browser.all(f".curve circle.{name}")
            heights = [float(dot.get_attribute("cy")) for dot in dots]
            errors = [abs(point[name] - curve["analytic"]) for point in curve["points"]]
            ranks = sorted(range(len(errors)), key=errors.__getitem__)
            self.assertEqual(len(errors), len(heights))
            self.assertEqual(sorted(heights, reverse=True), [heights[i] for i in ranks])  # pixels count downwards

    # sparse_attention --------------------------------------------------------------------------------------------------

    def pattern(self, expected, node):
        """The keys that each query keeps, in problem 1, and the slot of each pair."""
        held = next(held for edge in expected.nodes[node]["edges"] for held in edge["holds"] if "contents" in held)
        keys, (_, n, k) = expected.elements(held["contents"]["keys"]), (2, 4, 3)
        return {(i, int(keys[(n + i) * k + s])): (n + i) * k + s
                for i in range(n) for s in range(k) if keys[(n + i) * k + s] >= 0}

    def test_kept_keys(self):
        """Node 2: each pair of a query and a key has the weight of its slot, or is said not to be kept."""
        expected = self.open_lens("fused", "#n2")
        slots, weights = self.pattern(expected, 2), expected.elements(expected.nodes[2]["value"])
        self.browser.find(".picker select").send_keys("1")
        self.focus(".product-stage canvas")
        for i in range(4):
            for j in range(6):
                readout = self.browser.find(".product-stage .readout")
                self.assertIn(f"P[{i}, {j}]", readout.text)
                if (i, j) in slots:
                    exact = readout.find_element("css selector", "[data-value]").get_attribute("data-value")
                    self.assertTrue(same(exact, weights[slots[i, j]]))
                else:
                    self.assertIn("is not kept", readout.text)
                self.browser.press(Keys.ARROW_RIGHT)
            self.browser.press(Keys.ARROW_DOWN, *[Keys.ARROW_LEFT] * 6)

    def test_products_along_the_pattern(self):
        """Forward, in the walk and in the walk through the walk: terms add up to the element, unless it is in no slot."""
        for address, name, node, tab in (
                ("#n5", "Y = P V", 5, 0), ("#w0v2", "dP = dY Vᵀ", 5, 0), ("#w0v4", "dQ = G K", 2, 0),
                ("#w1v2", "dW = dY Xᵀ", 17, 0), ("#w1v2", "dX = Wᵀ dY", 17, 1),
                ("#w1v4", "dX = dZ Y", 15, 0), ("#w1v4", "dY = dZᵀ X", 15, 1)):
            with self.subTest(address=address, product=name):
                expected = self.open_lens("fused", address)
                tabs = self.browser.all(".switcher button")
                names = [button.text for button in tabs]
                if names:
                    self.assertEqual(name, names[tab])
                    tabs[tab].click()
                slots, result = self.pattern(expected, node), name.split(" = ")[0]
                self.browser.find(".picker select").send_keys("1")
                self.focus(".factor.result canvas")
                label = self.browser.find(".factor.result canvas").get_attribute("aria-label")
                rows, columns = map(int, re.search(r"(\d+) by (\d+)", label).groups())
                for i in range(rows):
                    for j in range(columns):
                        written = self.browser.find(".written-out").text
                        self.assertIn(f"{result}[{i}, {j}]", written)
                        if "never computed" in written:
                            self.assertNotIn((i, j), slots)
                            self.assertIn(result, ("dP", "dW"))
                        else:
                            _, terms, total = re.sub(r" \(\d+ terms? with.*", "", written).split(" = ")
                            products = [math.prod(map(number, term.split(" · "))) for term in terms.split(" + ")]
                            self.assertLess(abs(sum(products) - number(total)), 2e-3 * sum(map(abs, products)) + 1e-12)
                        self.browser.press(Keys.ARROW_RIGHT)
                    self.browser.press(Keys.ARROW_DOWN, *[Keys.ARROW_LEFT] * columns)

    def test_tiles(self):
        """Node 10, 2,100 queries: the shares of the tiles' fates are those that the pattern logged."""
        expected = self.open_lens("fused", "#n10")
        held = next(held for edge in expected.nodes[10]["edges"] for held in edge["holds"] if "contents" in held)
        log = [int(x) for x in expected.elements(held["contents"]["tiles"])]
        self.assertEqual(3, len(self.browser.all(".tiles li")))
        shares = {}
        for line in self.browser.all(".tile-legend li"):
            share, words = line.text.split(" % ")
            shares[words] = number(share)
        fates = ("causal", "all of it masked", "maximum so far", "k-th largest", "tau", "scanned")
        for fate, words in enumerate(fates):
            said = [share for text, share in shares.items() if words in text]
            if log.count(fate):
                self.assertTrue(close(str(said[0]), 100 * log.count(fate) / len(log), 6e-3))
            else:
                self.assertEqual([], said)
        for t, bar in enumerate(self.browser.all(".tile-bar")):
            widths = [float(re.search(r"width: ([\d.]+)%", part.get_attribute("style"))[1])
                      for part in bar.find_elements("css selector", "i")]
            of_tile = log[t::3]
            self.assertEqual([round(100 * of_tile.count(fate) / len(of_tile), 3) for fate in range(6) if fate in of_tile],
                             [round(width, 3) for width in widths])

    def test_sampled_numbers(self):
        """Of the values V only a sample is there: no product with them is shown."""
        data = fixture("fused")
        tensor = data["tape"]["tensors"][data["tape"]["nodes"][4]["value"]]
        numbers = [float(x) for x in tensor["elements"]]
        tensor |= {"steps": [1, 2, 1], "elements": [x for i, x in enumerate(tensor["elements"]) if i // 2 % 2 == 0],
                   "min": min(numbers), "max": max(numbers), "mean": sum(numbers) / len(numbers)}
        for address, stages in (("#n5", 0), ("#w0v2", 0), ("#w0v4", 1)):  # Y = P V, dP = dY Vᵀ; dQ = G K has no V
            self.browser.open(self.write("sampled", data), address)
            self.assertEqual(stages, len(self.browser.all(".product-stage")), address)
