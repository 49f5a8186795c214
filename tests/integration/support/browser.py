"""Headless Chromium, over the DevTools protocol on a pair of pipes: no port, no driver, no package besides it."""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from .requirements import missing

PROGRAM = "chromium"
LONGEST = 90  # seconds until anything has to have happened, on a machine that is busy
FLAGS = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--hide-scrollbars", "--mute-audio", "--no-first-run", "--no-default-browser-check",
         "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
         "--disable-extensions", "--disable-crash-reporter", "--disable-features=Translate,MediaRouter,OptimizationHints"]


class Browser:
    """One tab. Everything that it asked for, said in its console or refused is kept until the next visit."""

    def __init__(self):
        if not shutil.which(PROGRAM):
            missing(PROGRAM, f"scripts/deps --ci installs Debian's package {PROGRAM}")
        self._home = tempfile.mkdtemp(prefix="lifeboat-browser-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # The protocol is on descriptors 3 and 4 of the browser.
        command = ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", PROGRAM, *FLAGS,
                   f"--user-data-dir={self._home}", "about:blank"]
        environment = {**os.environ, "HOME": self._home, "XDG_CONFIG_HOME": self._home, "XDG_CACHE_HOME": self._home}
        self._process = subprocess.Popen(command, pass_fds=(theirs_in, theirs_out), env=environment,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)
        self._numbers = itertools.count(1)
        self._unread = b""
        self._session = None
        self.requests, self.complaints, self._events = [], [], []
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "Audits"):
            self._call(f"{domain}.enable")

    def close(self):
        with contextlib.suppress(OSError, AssertionError):
            self._send("Browser.close")
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)  # a session of its own
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- what a person does ----

    def look(self, *, width=1280, height=900, dark=False):
        """As which device, and in which mode."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                   mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def visit(self, address):
        """Returns when the page is loaded."""
        self.requests, self.complaints, self._events = [], [], []
        self._call("Page.navigate", url=address)
        self._until(lambda: "Page.loadEventFired" in self._events, f"{address} is loaded")

    def evaluate(self, expression):
        """A JavaScript expression's value: asked by the protocol, whatever the page's policy says of scripts."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def visible_text(self):
        return self.evaluate("document.body.innerText")

    def picture(self, path):
        """The whole page as a PNG."""
        image = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(image["data"]))

    def accessible(self):
        """[(role, name)] of what a screen reader is told, in order."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]

    def click(self, selector):
        """With the pointer, at the middle of what the selector finds first."""
        x, y = self.evaluate(f"(() => {{ const element = document.querySelector({json.dumps(selector)}); "
                             "element.scrollIntoView(); const box = element.getBoundingClientRect(); "
                             "return [box.x + box.width / 2, box.y + box.height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    @contextlib.contextmanager
    def without_scripts(self):
        self._call("Emulation.setScriptExecutionDisabled", value=True)
        yield
        self._call("Emulation.setScriptExecutionDisabled", value=False)

    def settle(self):
        """Returns once the page has been drawn again, with all complaints about what was done to it."""
        self._call("Runtime.evaluate", awaitPromise=True,
                   expression="new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")

    # ---- the protocol ----

    def _send(self, method, **parameters):
        message = {"id": next(self._numbers), "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        return message["id"]

    def _call(self, method, **parameters):
        number = self._send(method, **parameters)
        while True:
            message = self._next(f"an answer to {method}")
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]

    def _until(self, holds, what):
        while not holds():
            self._next(what)

    def _next(self, what):
        """The next message; an event is taken note of."""
        end = time.monotonic() + LONGEST
        while b"\0" not in self._unread:
            left = end - time.monotonic()
            ready = left > 0 and select.select([self._in], [], [], left)[0]
            assert ready, f"{PROGRAM}: {LONGEST} s without {what}"
            more = os.read(self._in, 1 << 20)
            assert more, f"{PROGRAM} ended before {what} (exit {self._process.poll()})"
            self._unread += more
        line, self._unread = self._unread.split(b"\0", 1)
        message = json.loads(line)
        if "method" in message:
            self._note(message["method"], message["params"])
        return message

    def _note(self, event, told):
        self._events.append(event)
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(told["exceptionDetails"]["text"])
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(str(told["args"]))
        elif event == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif event == "Audits.issueAdded":
            self.complaints.append(told["issue"]["code"])
