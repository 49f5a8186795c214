"""Where the documentation points to: every file, heading and path that it names is there."""

import re

import pytest
from support import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("docs/*/*.md")])
# What these folders hold is in the repository; other paths in the texts are of containers, clusters and stores.
OF_THE_REPOSITORY = re.compile(r"(?:docs|kustomize|helm-snippets|scripts|tests|sidecar|bench|cmake)/[\w./-]*")


def prose(page):
    """The numbered lines outside of code blocks."""
    fence = None
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if mark := re.match(r"\s*(```+|~~~+)", line):
            fence = None if fence else mark[1]
        elif not fence:
            yield number, line


def anchors(page):
    """Of its headings, as GitHub and Forgejo make them: lower case, no punctuation, a dash for each blank."""
    made = []
    for _, line in prose(page):
        if heading := re.match(r"#{1,6} (.*)", line):
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).strip().lower()
            anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            made.append(f"{anchor}-{count}" if (count := made.count(anchor)) else anchor)
    return made


def links(page):
    for number, line in prose(page):
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            if not re.match(r"[a-z]+:", target):
                yield number, *target.partition("#")[::2]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    lost = []
    for number, file, anchor in links(page):
        target = (page.parent / file).resolve() if file else page
        if not target.exists():
            lost.append(f"line {number}: there is no {file}")
        elif anchor and anchor not in anchors(target):
            lost.append(f"line {number}: {target.name} has no heading #{anchor}")
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_of_the_repository_are_there(page):
    named = {path for _, line in prose(page) for code in re.findall(r"`([^`\s]+)`", line)
             if (path := code.partition("?")[0]) and OF_THE_REPOSITORY.fullmatch(path)}
    assert not {path for path in named if not (ROOT / path).exists() and not (page.parent / path).exists()}


def test_the_pages_are_found():
    assert {"README.md", "CHANGELOG.md", "kubernetes.md", "manifest.md"} <= {page.name for page in PAGES}
    assert sum(1 for page in PAGES for _ in links(page)) > 50
