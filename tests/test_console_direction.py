"""Text that people wrote stands isolated: its direction does not turn the text around it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from server.console.build import WEB
from tests.support.console_page import button
from tests.support.console_states import settle
from tests.support.visitor import EMAIL, Script, Site, Visitor, add_tenant, visiting

_NAME, _OLD_NAME, _DESCRIPTION = "مزامنة المخزون!", "النسخة القديمة (1)", "تصدير ليلي: الأجهزة"
_ADMIN, _REASON = "ليلى (IT)", "نحتاج إليه — لوحة التحكم"
# Right-to-left text outside of the characters that isolate it, of <bdi>, and of dir="auto" that it
# begins.
_FAULTS = """() => {
    const rightToLeft = /[\\u0590-\\u08ff]/;
    const isBare = (text) => rightToLeft.test(text.replace(/\\u2068[^\\u2069]*\\u2069/g, ''));
    const faults = isBare(document.title) ? [document.title] : [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let seen = 0;
    while (texts.nextNode()) {
        const { data, parentElement } = texts.currentNode;
        seen += rightToLeft.test(data);
        if (!isBare(data)) continue;
        const around = parentElement.closest('bdi, [dir="auto"]');
        if (!around || !rightToLeft.test(around.textContent.trim()[0]))
            faults.push(parentElement.outerHTML.slice(0, 200));
    }
    for (const one of document.querySelectorAll('[title], [aria-label], [placeholder]'))
        for (const name of ['title', 'aria-label', 'placeholder'])
            if (isBare(one.getAttribute(name) ?? '')) faults.push(one.outerHTML.slice(0, 200));
    for (const field of document.querySelectorAll('input, textarea'))
        if (isBare(field.value) && field.dir !== 'auto') faults.push(field.outerHTML.slice(0, 200));
    return [seen, faults];
}"""


@pytest.fixture(scope="module")
def site(first_site: tuple[Site, str]) -> Site:
    running, url = first_site
    add_tenant(url, "direction", EMAIL)
    return replace(running, tenant="direction")


@pytest.fixture(scope="module")
def script(site: Site) -> Script:
    script = Script(site)
    script.add_admin("layla@example.com", _ADMIN)
    return script


@pytest.fixture(scope="module")
def token_id(script: Script) -> str:
    layla = Script(script.site, "layla@example.com")
    made = layla.create_token(_OLD_NAME, "GET /api/v1/tags", description=_DESCRIPTION)
    token_id = str(made["token"]["id"])
    layla.change_token("renameToken", token_id, name=_NAME)
    layla.change_token("describeToken", token_id, description=f"{_DESCRIPTION}.")
    layla.ask_access(made["secret"], "GET /api/v1/users", _REASON)
    layla.create_token(_OLD_NAME)
    return token_id


@pytest.fixture(scope="module")
def visitor(chromium: Browser, site: Site) -> Iterator[Visitor]:
    with visiting(chromium, site) as someone:
        yield someone


def _check(page: Page) -> None:
    settle(page)
    seen, faults = page.evaluate(_FAULTS)
    assert faults == []
    assert seen > 0


@pytest.mark.parametrize(
    ("path", "pressed"),
    [
        ("/", ()),
        ("/", ("Actions for", "Rename")),
        ("/", ("Actions for", "Revoke")),
        ("/tokens/{token}", ()),
        ("/tokens/{token}", ("Edit owner",)),
        ("/tokens/{token}", ("Edit",)),
        ("/tokens/{token}", ("Rotate secret",)),
        ("/tokens/{token}/activity", ()),
        ("/tokens/{token}/edit-permissions", ("Copy from another token",)),
        ("/requests", ()),
        ("/requests", ("Grant GET /api/v1/users",)),
        ("/activity", ()),
        ("/admins", ()),
        ("/admins", ("Actions for", "Change role")),
        ("/admins", ("Actions for", "Remove")),
    ],
)
def test_names_are_isolated(
    visitor: Visitor, token_id: str, path: str, pressed: tuple[str, ...]
) -> None:
    page = visitor.open(path.format(token=token_id)).page
    for name in pressed:
        page.get_by_role("button", name=name).first.click()
    if pressed:
        expect(page.get_by_role("dialog")).to_be_visible()
    _check(page)


def test_a_bare_name_is_found(visitor: Visitor, token_id: str) -> None:
    page = visitor.open(f"/tokens/{token_id}").page
    expect(button(page, "Edit")).to_be_visible()
    page.evaluate("(name) => document.querySelector('main').append(name)", _NAME)
    _, faults = page.evaluate(_FAULTS)
    assert len(faults) == 1


# A name as the child of an element: `Isolated` has to stand around it.
_BARE_CHILD = re.compile(
    r"(?:>|^)\s*\{(?!text\.|session\.)[\w.?]*\b(?:name|actorName|email|description|userAgent|reason)\}",
    re.MULTILINE,
)
_AROUND = re.compile(r'<(?:Isolated|bdi[^>]*)>\s*\{[^}]+\}|<[^<>]*dir="auto"[^<>]*>\s*\{[^}]+\}')


def _bare(source: str) -> list[str]:
    return _BARE_CHILD.findall(_AROUND.sub("", source))


def test_no_source_renders_a_name_without_isolating_it() -> None:
    assert _bare("<b>{token.name}</b>")
    assert not _bare("<Isolated>{token.name}</Isolated>")
    sources = [*WEB.glob("src/**/*.tsx")]
    assert len(sources) > 50
    assert {str(file.relative_to(WEB)): found for file in sources if (found := _of(file))} == {}


def _of(file: Path) -> list[str]:
    return _bare(file.read_text())


def test_every_text_that_takes_another_isolates_it() -> None:
    for file in WEB.glob("src/console/**/strings.ts"):
        for text in file.read_text().split("\nexport const ")[1:]:
            assert "=>" not in text or " = sentences({" in text, (file, text[:40])
