"""The page as people see it: in headless Chromium, in every state, on a phone and on a desk, by day and by night.

Screenshots of all of it lie in build/page afterwards, for whoever changes how it looks.
"""

import json
import re
import subprocess

import pytest
from support import ROOT
from support.browser import Browser

PROGRAM = "tests/contract/health_server"
PICTURES = ROOT / "build" / "page"
DESK, PHONE = (1280, 900), (360, 780)

# What has to be seen in each state; tests/support/page_states.hpp makes them.
STATES = {
    "healthy": ["Every database is backed up.", "9 hours ago", "in 14 hours", "basketball", "1.0 GiB"],
    "running": ["Every database is backed up.", "Backing up basketball since 11:57 UTC",
                "2.7 GiB of about 4.5 GiB read", "under way"],
    "overdue": ["The next backup is overdue.", "overdue", "Next:", "a missed run is caught up"],
    "failing": ["Backups are failing.", "The last 5 runs failed", "Next: make a new application key"],
    "partial": ["The newest backup lacks something.", "it lacks metabase", "missing from the newest run",
                "GRANT pg_read_all_data TO lifeboat"],
    "never": ["There is no backup yet.", "in 2 minutes", "No run is known of."],
    "looking": ["The store is being looked at."],
    "misconfigured": ["The newest settings are not in force.", "did you mean keep_days?"],
    "no settings": ["The settings are not valid, so no backup can be made.", "LIFEBOAT_INSTANCE_NAME"],
    "drained": ["Backups are paused.", "Nothing is started until 12:50 UTC.", "paused"],
    "tampered": ["Somebody tampered with a backup.", "find out which key did it"],
    "unproven": ["It is not proven that the backups can be restored.", "9 days ago", "unproven"],
    "starved": ["Backups keep giving way and do not get done.", "ALTER TABLE", "gave way"],
    "prune stopped": ["Old backups are not being removed.", "lifeboat prune --max-delete 12"],
    "marked": ["The newest backup does not look like the ones before it.", "lineage",
               "database 'basketball' has 12 rows", "marked: look at it before you trust it"],
    "standby": ["Backups are made elsewhere.", "the server is a standby", "not here"],
    "hostile": ["Backups are failing.", '<img src=x onerror=alert(1)> "&\'', "<b>bold</b>"],
    "crowded": ["Every database is backed up.", "1,284 databases", "and 1,234 more"],
}


@pytest.fixture(scope="module")
def browser():
    with Browser() as opened:
        PICTURES.mkdir(parents=True, exist_ok=True)
        yield opened


@pytest.fixture(scope="module")
def show(request, browser):
    """Serves a state and visits it. Returns the address."""
    given = request.config.getoption("--lifeboat")
    folders = [ROOT / "build"] if not given else [*(ROOT / given).absolute().parents]
    program = next((folder / PROGRAM for folder in folders if (folder / PROGRAM).is_file()), None)
    assert program, f"there is no {PROGRAM} at {folders[0]}: ninja -C {folders[0]} health_server"
    server = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{server.stdout.readline().split()[1]}/"

    def visit(state, size=DESK, *, dark=False):
        server.stdin.write(state + "\n")
        server.stdin.flush()
        assert server.stdout.readline() == state + "\n"
        browser.look(width=size[0], height=size[1], dark=dark)
        browser.visit(address)
        return address

    yield visit
    server.stdin.close()
    assert server.wait(timeout=20) == 0


def name_of_picture(state, size, dark):
    return f"{state.replace(' ', '-')}-{'phone' if size == PHONE else 'desk'}-{'dark' if dark else 'light'}.png"


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_seen_on_every_screen(browser, show, state):
    for size in (DESK, PHONE):
        for dark in (False, True):
            address = show(state, size, dark=dark)
            text = re.sub(r"\s+", " ", browser.visible_text())
            assert [words for words in STATES[state] if words not in text] == []
            assert browser.requests == [address], "a page that stands alone asks for nothing else"
            assert browser.complaints == []
            width = browser.evaluate("document.documentElement.scrollWidth")
            assert width <= size[0], f"{state} scrolls sideways: {width} in {size[0]}"
            browser.picture(PICTURES / name_of_picture(state, size, dark))


def test_a_desk_has_room_for_more(browser, show):
    show("healthy")
    assert {"7,400,213", "20261122T021700Z-4321"} <= set(browser.visible_text().split())
    show("healthy", PHONE)
    assert not {"7,400,213", "20261122T021700Z-4321"} & set(browser.visible_text().split())


def test_the_browser_would_have_complained(browser, show):
    """Of what the page must not do: so that silence above means something."""
    show("healthy")
    browser.evaluate("document.body.insertAdjacentHTML('beforeend', "
                     "'<p style=\"color:red\">x</p><img src=http://127.0.0.1:9/x.png>')")
    browser.evaluate("document.body.appendChild(document.createElement('script')).text = 'x()'")
    browser.settle()
    assert any("style" in complaint for complaint in browser.complaints)
    assert any("ContentSecurityPolicyIssue" in complaint or "img" in complaint for complaint in browser.complaints)
    assert browser.evaluate("getComputedStyle(document.body.lastElementChild.previousElementSibling).color") != \
        "rgb(255, 0, 0)"


def luminance(colour):
    parts = [float(part) / 255 for part in colour[:3]]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


# Every text that is seen, with its colour and every colour that it may stand on: the nearest that is opaque, or the ends
# of a gradient.
TEXTS = r"""
JSON.stringify([...document.querySelectorAll('body *')].filter(element => element.checkVisibility() &&
    [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())).map(element => {
  const numbers = text => text.match(/[\d.]+/g).map(Number);
  let behind = element, grounds = [];
  for (; behind && !grounds.length; behind = behind.parentElement) {
    const style = getComputedStyle(behind), image = style.backgroundImage;
    if (image !== 'none') grounds = image.match(/rgba?\([^)]*\)/g).map(numbers);
    else if (!/, 0\)$/.test(style.backgroundColor)) grounds = [numbers(style.backgroundColor)];
  }
  const style = getComputedStyle(element);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  return {text: element.textContent.trim().slice(0, 40), colour: numbers(style.color), grounds, large};
}))
"""

# The same for what is drawn, on the ground of its section: WCAG asks for 3 to 1.
SHAPES = r"""
JSON.stringify([...document.querySelectorAll('.days svg, .hero > svg, .todo svg, .key svg, .bar')].map(element => {
  const style = getComputedStyle(element);
  const colour = element.matches('.bar') ? style.fill : style.color;
  let behind = element;
  while (/, 0\)$/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
  const numbers = text => text.match(/[\d.]+/g).map(Number);
  return {text: element.outerHTML.slice(0, 60), colour: numbers(colour),
          grounds: [numbers(getComputedStyle(behind).backgroundColor)]};
}))
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_read_it(browser, show, dark):
    grounds = set()
    for state in ("healthy", "running", "failing", "partial", "drained", "tampered", "standby"):
        show(state, dark=dark)
        texts = json.loads(browser.evaluate(TEXTS))
        assert len(texts) > 40
        for found, least in [(text, 3 if text["large"] else 4.5) for text in texts] + \
                            [(shape, 3) for shape in json.loads(browser.evaluate(SHAPES))]:
            worst = min(contrast(found["colour"], ground) for ground in found["grounds"])
            assert worst >= least, f"{state}: {found['text']}: {worst:.2f}"
        grounds.add(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 1
    assert (luminance([float(part) for part in re.findall(r"\d+", grounds.pop())]) < 0.2) is dark


def test_a_screen_reader_is_told_everything_that_is_drawn(browser, show):
    show("partial")
    told = browser.accessible()
    headings = [name for role, name in told if role == "heading"]
    assert headings[:2] == ["The newest backup lacks something.", "What is wrong, and what to do"]
    assert {"The last 30 days", "Size in the store", "Duration", "Databases", "Newest runs"} < set(headings)
    images = [name for role, name in told if role in ("image", "img")]
    assert "Newest 1.5 GiB (from 1.1 GiB to 1.5 GiB)" in images
    assert all(images), "nothing drawn is without words"
    words = " ".join(name for role, name in told if role == "StaticText")
    assert "22 Nov: partial, 1.5 GiB in 5 min 16 s" in words
    assert "6 Nov: failed, 2 runs" in words
    assert "30 Oct: no backup" in words
    assert {"columnheader", "rowheader", "table"} <= {role for role, _ in told}


def test_signs_differ_in_more_than_colour(browser, show):
    """Kinds of days, each with an outline of its own."""
    show("tampered")
    shapes = browser.evaluate("JSON.stringify([...document.querySelectorAll('symbol')].map(s => [s.id, s.innerHTML]))")
    outlines = dict(json.loads(shapes))
    used = browser.evaluate("JSON.stringify([...document.querySelectorAll('.days use')].map(u => u.getAttribute('href')))")
    kinds = {href.lstrip("#") for href in json.loads(used)}
    assert {"proven", "good", "partial", "failed", "hidden", "none"} <= kinds
    assert len({outlines[kind] for kind in kinds}) == len(kinds)


def test_it_works_without_scripts(browser, show):
    """And needs none: earlier runs unfold."""
    with browser.without_scripts():
        show("healthy")
        assert "Every database is backed up." in browser.visible_text()
        height = browser.evaluate("document.querySelector('details').offsetHeight")
        browser.click("summary")
        assert browser.evaluate("document.querySelector('details').offsetHeight") > height + 100
