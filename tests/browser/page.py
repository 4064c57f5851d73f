"""Drives the page in Chromium by WebDriver (W3C), with nothing but Python's own library.

page.py PROGRAM [FOLDER]   in a folder with digits.keras, moons.keras, shop.keras and token; screenshots go to FOLDER.
"""
import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PROGRAM = sys.argv[1]
PICTURES = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--window-size=1000,900"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def call(url, method="GET", data=None):
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": "application/json"})
    try:
        return json.load(urllib.request.urlopen(request, timeout=120))["value"]
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {url}: {error.read().decode()}")


class Browser:
    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        port = next(m[1] for line in self.driver.stdout if (m := re.search(r"started successfully on port (\d+)", line)))
        options = {"binary": "/usr/bin/chromium", "args": [*FLAGS, "--user-data-dir=" + self.profile.name]}
        logs = {"browser": "ALL"}
        session = call(f"http://127.0.0.1:{port}/session", "POST", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": logs}}})
        self.url = f"http://127.0.0.1:{port}/session/{session['sessionId']}"

    def close(self):
        call(self.url, "DELETE")
        self.driver.terminate()

    def post(self, path, data=None):
        return call(self.url + path, "POST", data or {})

    def go(self, url):
        self.post("/url", {"url": url})

    def run(self, script, *arguments):
        return self.post("/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        return self.post("/element", {"using": "css selector", "value": selector})[ELEMENT]

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).textContent.trim()", selector)

    def type(self, selector, text):
        self.post(f"/element/{self.find(selector)}/value", {"text": text})

    def click(self, selector):
        self.post(f"/element/{self.find(selector)}/click")

    def draw(self, selector, points):
        """A stroke with the left button; points count from the element's middle."""
        origin = {ELEMENT: self.find(selector)}
        moves = [{"type": "pointerMove", "duration": 20, "x": x, "y": y, "origin": origin} for x, y in points]
        self.post("/actions", {"actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"},
                                            "actions": [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:],
                                                        {"type": "pointerUp", "button": 0}]}]})

    def wait(self, what, script, *arguments):
        end = time.time() + 20
        while time.time() < end:
            if self.run("return " + script, *arguments):
                return
            time.sleep(0.05)
        self.picture("failed")
        sys.exit(f"waited in vain for {what}; the page shows: {self.text('body')}")

    def picture(self, name):
        if PICTURES:
            (PICTURES / f"{name}.png").write_bytes(base64.b64decode(call(self.url + "/screenshot")))

    def complaints(self):
        return [entry["message"] for entry in self.post("/se/log", {"type": "browser"}) if entry["level"] == "SEVERE"]


class Served:
    def __init__(self, *words):
        self.process = subprocess.Popen([PROGRAM, "serve", *words, "--port", "0"], stderr=subprocess.PIPE, text=True)
        self.url = next(m[1] for line in self.process.stderr if (m := re.search(r"Serving on (\S+)", line)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait() == 0


def check(condition, sentence):
    if not condition:
        sys.exit(sentence)


def draw_and_drop(browser):
    with Served("digits.keras") as server:
        browser.go(server.url)
        browser.wait("the canvas", "!document.getElementById('draw').hidden")
        check("digits, version 1" in browser.text("header"), browser.text("header"))
        # A one: a stroke down the canvas, off the middle, so that the server has to centre it.
        browser.draw("#canvas", [(40, y) for y in range(-90, 91, 15)])
        browser.wait("an answer", "document.getElementById('answer').textContent.trim() === '1'")
        bars = browser.run("return [...document.querySelectorAll('.bar b')].map(b => parseFloat(b.textContent))")
        check(len(bars) == 10 and abs(sum(bars) - 100) < 0.1, f"ten bars that make 100 %: {bars}")
        check("centred" in browser.text("#remark"), browser.text("#remark"))
        browser.picture("drawn")
        # What the page sent is what anyone can send.
        png = base64.b64decode(browser.run("return document.getElementById('canvas').toDataURL('image/png')").split(",")[1])
        answer = json.load(urllib.request.urlopen(urllib.request.Request(server.url + "/predict", data=png)))
        check(answer["predictions"][0]["class"] == "1", answer)
        browser.click("#clear")
        check(browser.text("#answer") == "", "the answer goes when the canvas is cleared")
        # A zero, and then a picture from the disk.
        circle = [(0, -80), (40, -65), (60, -30), (65, 10), (50, 55), (15, 80), (-20, 78), (-50, 50), (-62, 10), (-58, -30),
                  (-40, -65), (0, -80)]
        browser.draw("#canvas", circle)
        browser.wait("a zero", "document.getElementById('answer').textContent.trim() === '0'")
        pathlib.Path("one.png").write_bytes(png)
        browser.type("#file", os.path.abspath("one.png"))
        browser.wait("the picture's answer", "document.getElementById('answer').textContent.trim() === '1'")
        # A picture that is none: the server's sentence is shown.
        pathlib.Path("none.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
        browser.type("#file", os.path.abspath("none.png"))
        browser.wait("a sentence", "document.querySelector('#remark.wrong')?.textContent.includes('picture')")
        browser.picture("broken")


def rows_and_models(browser):
    with Served("digits.keras", "moons.keras") as server:
        browser.go(server.url)
        browser.wait("the choice", "!document.getElementById('choice').hidden")
        browser.run("const s = document.getElementById('model'); s.value = 'moons'; s.dispatchEvent(new Event('change'))")
        browser.wait("the fields", "document.querySelectorAll('#fields input').length === 2")
        for number, text in ((1, "0.5"), (2, "-0.25")):
            browser.type(f"#fields label:nth-child({number}) input", text)
        browser.click("#table button")
        browser.wait("a class", "document.querySelectorAll('.bar').length === 2")
        browser.picture("row")
        browser.run("document.querySelector('#fields input').value = 'x'")
        browser.click("#table button")
        browser.wait("a sentence", "document.querySelector('#remark.wrong')")


def table(browser):
    with Served("shop.keras") as server:
        browser.go(server.url)
        browser.wait("the fields", "document.querySelectorAll('#fields input').length === 2")
        names = browser.run("return [...document.querySelectorAll('#fields input')].map(i => i.name)")
        check(names == ["price", "colour"], names)
        words = browser.run("return [...document.querySelectorAll('#fields datalist option')].map(o => o.value)")
        check(words == ["blue", "red, dark"], words)
        browser.type("#fields label:nth-child(1) input", "9")
        browser.type("#fields label:nth-child(2) input", "red, dark")
        browser.click("#table button")
        browser.wait("a class", "document.getElementById('answer').textContent.trim() === 'kept'")
        browser.picture("table")
        # The line that the page shows for a shell says the same.
        command = browser.text("#curl")
        check("{\"price\":0,\"colour\":\"blue\"}" in command, command)
        browser.type("#fields label:nth-child(2) input", "er")
        browser.click("#table button")
        browser.wait("a remark", "document.getElementById('remark').textContent.includes('none of the words')")
        browser.picture("remark")


def token(browser):
    with Served("moons.keras", "--token-file", "token") as server:
        browser.go(server.url)
        browser.wait("the lock", "!document.getElementById('locked').hidden")
        browser.type("#token", "sesame")
        browser.click("#locked button")
        browser.wait("the fields", "document.querySelectorAll('#fields input').length === 2")
        check(browser.run("return document.getElementById('locked').hidden"), "the lock goes")


browser = Browser()
try:
    draw_and_drop(browser)
    rows_and_models(browser)
    table(browser)
    # Answers of 4xx are listed there too, and are wanted; anything else is a fault of the page.
    faults = [line for line in browser.complaints() if "status of 4" not in line]
    check(not faults, faults)
    token(browser)
finally:
    browser.close()
print("The page does what it should.")
