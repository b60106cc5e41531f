"""Matching finds the one operation that the backend will serve, or none."""

import re
import sys
import unicodedata
from collections.abc import Callable
from time import process_time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from server.catalogue import Catalogue, Category, Permission, canonical_path, read_catalogue
from server.catalogue.templates import segments_of


def catalogue_of(*keys: str, bases: tuple[str, ...] = ("",)) -> Catalogue:
    lines = [key.split(" ", 1) for key in keys]
    permissions = tuple(
        Permission(f"{method} {path}", "", method, path, category="All", bases=bases)
        for method, path in lines
    )
    return Catalogue.of("API", (Category("All", permissions),), ())


def key_of(catalogue: Catalogue, request: str) -> str | None:
    method, target = request.split(" ", 1)
    path = canonical_path(target)
    found = catalogue.match(method, path) if path is not None else None
    return found.key if found else None


_CATALOGUE = catalogue_of(
    "GET /",
    "GET /pets",
    "POST /pets",
    "GET /pets/",
    "GET /pets/{id}",
    "PUT /pets/{id}",
    "GET /pets/mine",
    "GET /pets/{id}/toys",
    "GET /pets/mine/friends",
    "GET /pets/{id}.json",
    "GET /caf%C3%A9/{x}",
    "GET /{any}/toys",
    "HEAD /pets/{id}/toys",
)


@pytest.mark.parametrize(
    ("request_line", "key"),
    [
        ("GET /", "GET /"),
        ("GET /pets", "GET /pets"),
        ("GET /pets?all=%2e%2e/#".removesuffix("#"), "GET /pets"),
        ("POST /pets", "POST /pets"),
        ("HEAD /pets", "GET /pets"),
        ("HEAD /pets/1/toys", "HEAD /pets/{id}/toys"),
        ("DELETE /pets", None),
        ("get /pets", None),
        ("GET /pets/", "GET /pets/"),
        ("POST /pets/", None),
        ("GET /pets/1", "GET /pets/{id}"),
        ("GET /pets/%31", "GET /pets/{id}"),
        ("GET /pets/1/", None),
        ("GET /pets/mine", "GET /pets/mine"),
        ("GET /pets/m%69ne", "GET /pets/mine"),
        ("PUT /pets/mine", None),
        ("GET /pets/mine/toys", "GET /pets/{id}/toys"),
        ("GET /pets/mine/friends", "GET /pets/mine/friends"),
        ("GET /pets/1/friends", None),
        ("GET /pets/1.json", "GET /pets/{id}.json"),
        ("GET /pets/.json", "GET /pets/{id}"),
        ("GET /caf%c3%a9/1", "GET /caf%C3%A9/{x}"),
        ("GET /x/toys", "GET /{any}/toys"),
        ("GET /pets/toys", "GET /pets/{id}"),
        ("GET /PETS", None),
        ("GET /pet", None),
        ("GET /pets/1/toys/2", None),
    ],
)
def test_request_matches_the_most_concrete_operation(request_line: str, key: str | None) -> None:
    assert key_of(_CATALOGUE, request_line) == key


def test_every_operation_of_the_default_catalogue_is_found_by_its_own_path() -> None:
    catalogue = read_catalogue(None)
    assert len(catalogue.permissions) == 121
    for permission in catalogue.permissions:
        path = permission.path.replace("{", "x-").replace("}", "")
        assert catalogue.match(permission.method, path) is permission


def test_operation_matches_under_its_servers_prefix() -> None:
    catalogue = catalogue_of("GET /pets", bases=("/v1", "/beta/v2"))
    assert (
        key_of(catalogue, "GET /v1/pets") == key_of(catalogue, "GET /beta/v2/pets") == "GET /pets"
    )
    assert key_of(catalogue, "GET /pets") is None


@pytest.mark.parametrize(
    "target",
    [
        "", "*", "pets", "http://x/pets", "//pets", "/pets//", "/a//b", "/.", "/..", "/a/./b",
        "/a/../b", "/a/..", "/a/.", "/%2e", "/%2E%2e/x", "/a/.%2e", "/a%2fb", "/a%2Fb", "/a%5cb",
        "/a%5Cb", "/a\\b", "/a;b", "/a%3bb", "/..;/a", "/a%00", "/a\0", "/a%1f", "/a%7F", "/a\n",
        "/a b", "/a%", "/a%2", "/a%zz", "/%ff", "/%c3", "/%c0%af", "/%ed%a0%80", "/é", "/a#b",
        "/a?b#c", "/a?\0", "/a?é", "/%252e", "/%25%32%65", "/%2525",
        "/%25u002e", "/a\t", '/"', "/<", "/{id}", "/a|b",
        "/" + "a" * 8192, "/a?" + "b" * 8192, "/%u002e", "/a%2e%2e/",
        "/a" + "%CC%95" * 31, "/" + "%CC%95%CC%96" * 16, "/" + "%E0%BD%B3" * 31,
        "/a" + "%EF%BE%9E%E0%BD%B3" * 16,
    ],
)  # fmt: skip
def test_ambiguous_target_is_not_canonical(target: str) -> None:
    assert canonical_path(target) is None


@pytest.mark.parametrize(
    "target", ["/", "/a", "/a/", "/...", "/a.b", "/.well-known/x", "/a%20b", "/5%25"]
)
def test_ordinary_target_has_a_canonical_path(target: str) -> None:
    assert canonical_path(target) == target.replace("%20", " ").replace("%25", "%")


def test_a_path_of_few_marks_in_a_row_is_canonical() -> None:
    assert canonical_path("/pets/" + ("e" + "%CC%81" * 30) * 20) is not None


def test_every_character_that_decomposes_to_a_leading_mark_counts_as_one() -> None:
    for character in map(chr, range(0x80, sys.maxunicode + 1)):
        decomposed = unicodedata.normalize("NFKD", character)
        if unicodedata.combining(decomposed[0]) and character.isprintable():
            assert canonical_path("/a" + quote(character) * 31) is None, hex(ord(character))


@pytest.mark.parametrize("marks", ["\u0315\u0316", "\u0f73", "\uff9e\u0f73", "\u0316\u0315\u0345"])
def test_no_path_costs_more_than_another_of_its_size(marks: str) -> None:
    def seconds(unit: str) -> float:
        """The least of several measurements, since other processes share the machine."""
        escaped = quote(unit)
        target = "/pets/" + escaped * (8_000 // len(escaped))
        found = []
        for _ in range(5):
            started = process_time()
            for _ in range(5):
                key_of(_CATALOGUE, f"GET {target}")
            found.append(process_time() - started)
        return min(found)

    harmless = seconds("\u00e9")
    assert seconds(marks) < 5 * harmless
    assert seconds("e" + (marks * 30)[:30]) < 5 * harmless


def backend(target: str) -> list[str]:
    """The segments that the most lenient backend would look up.

    It decodes until nothing is left to decode, takes `\\` for `/`, cuts segments at `;`,
    drops empty ones and resolves dots.
    """
    path = target.partition("?")[0].partition("#")[0]
    for _ in range(5):
        raw = path.encode("latin-1", "replace")
        path = _decode_once(raw)
    segments: list[str] = []
    for segment in path.replace("\\", "/").split("/"):
        name = segment.partition(";")[0].rstrip("\0")
        if name == "..":
            del segments[-1:]
        elif name not in {"", "."}:
            segments.append(name)
    return segments


def _decode_once(raw: bytes) -> str:
    escape = re.compile(rb"%([0-9A-Fa-f]{2})")
    return escape.sub(lambda found: bytes([int(found[1], 16)]), raw).decode("latin-1")


# Mostly plain parts, so that most targets have a canonical path to check.
_PLAIN = st.sampled_from(["a", "/", "admin", "/x", "%61", "+", "%c3%a9", "%25"])
_PIECES = _PLAIN | st.sampled_from(
    ["a", "admin", "public", "/", "//", ".", "..", "%2e", "%2E", "%2f", "%5c", "%25", "2e", "2f",
     "%252f", ";", "%3b", "\\", "%00", "%61", "%41", "%c3%a9", "%ff", "?", "#", "+", "~", "%7e",
     "%", " ", "é", "\0", "x.json", "%2e%2e", "..;"]
)  # fmt: skip


@settings(max_examples=2000, deadline=None)
@given(st.lists(_PIECES, min_size=1, max_size=8))
@example(["/", "public", "/", "..", "%2f", "admin"])
@example(["/", "public", "/", "%2e%2e", "/", "admin"])
def test_match_is_the_operation_that_a_normalising_backend_serves(pieces: list[str]) -> None:
    target = "/" + "".join(pieces)
    path = canonical_path(target)
    if path is None:
        return
    served = [segment.encode("latin-1", "replace").decode("utf-8") for segment in backend(target)]
    assert [segment for segment in path.split("/") if segment] == served


_SEGMENTS = st.sampled_from(["a", "b", "c", "{x}", "{y}", "a{z}", "{z}b"])
_TEMPLATES = st.lists(
    st.tuples(st.sampled_from(["GET", "POST"]), st.lists(_SEGMENTS, min_size=1, max_size=4)),
    min_size=1,
    max_size=12,
)


def _shape(segments: list[str]) -> tuple[str, ...]:
    return tuple(s.replace("x", "z").replace("y", "z") for s in segments)


@settings(max_examples=500, deadline=None)
@given(_TEMPLATES, st.lists(st.sampled_from(["a", "b", "c", "ab", "aab", "d"]), max_size=4))
def test_match_is_the_most_concrete_of_all_fitting_templates(
    templates: list[tuple[str, list[str]]], segments: list[str]
) -> None:
    """Against a matcher that tries each template in turn."""
    assume(segments)
    distinct = {(method, _shape(path)): (method, path) for method, path in templates}
    keys = [f"{method} /{'/'.join(path)}" for method, path in distinct.values()]
    found = catalogue_of(*keys).match("GET", "/" + "/".join(segments))

    def rank(template: list[str]) -> list[tuple[int, int, int]] | None:
        ranks = []
        for want, segment in zip(template, segments, strict=True):
            before, brace, rest = want.partition("{")
            after = rest.partition("}")[2]
            if not brace:
                fits, concrete = want == segment, (0, 0, 0)
            else:
                text = len(before + after)
                fits = (
                    len(segment) > text and segment.startswith(before) and segment.endswith(after)
                )
                concrete = (1 if text else 2, -text, -len(before))
            if not fits:
                return None
            ranks.append(concrete)
        return ranks

    fitting = [
        (ranked, path)
        for _, path in distinct.values()
        if len(path) == len(segments) and (ranked := rank(path)) is not None
    ]
    best = min((ranked for ranked, _ in fitting), default=None)
    wanted = {
        f"{method} /{'/'.join(path)}"
        for method, path in distinct.values()
        if method == "GET" and (best, path) in fitting
    }
    assert (found is None and not wanted) or (found is not None and found.key in wanted)


_SPELLED = catalogue_of(
    "GET /users/{id}",
    "GET /users/all",
    "GET /users/{id}/keys",
    "GET /users/all/{key}",
    "GET /users/{id}.json",
    "GET /caf%C3%A9s/{id}",
    "GET /{any}/{id}",
    "GET /Teams/{id}",
    "GET /teams/{id}",
    "GET /docs/{..}",
)


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("/users/all", "GET /users/all"),
        ("/users/ALL", None),
        ("/users/aL%6C", None),
        ("/users/%EF%BD%81ll", None),  # a full-width a
        ("/users/Alle", "GET /users/{id}"),
        ("/users/all/keys", "GET /users/all/{key}"),
        ("/users/All/keys", None),
        ("/users/1.json", "GET /users/{id}.json"),
        ("/users/1.JSON", None),
        ("/users/1%EF%BC%8Ejson", None),  # a full-width dot
        ("/caf%C3%A9s/1", "GET /caf%C3%A9s/{id}"),
        ("/cafe%CC%81s/1", None),  # e and its accent apart
        ("/CAF%C3%89S/1", None),
        ("/USERS/1", None),
        ("/cars/1", "GET /{any}/{id}"),
        ("/Cars/ONE", "GET /{any}/{id}"),
        ("/cars/cafe%CC%81", "GET /{any}/{id}"),
        # The document distinguishes these two, so the backend does too.
        ("/Teams/1", "GET /Teams/{id}"),
        ("/teams/1", "GET /teams/{id}"),
        ("/TEAMS/1", None),
        ("/docs/%E2%80%A5", None),  # two dots in one character
        ("/docs/a%EF%BC%8Fb", None),  # a full-width slash
        ("/users/C%23", "GET /users/{id}"),
        ("/users/why%3F", "GET /users/{id}"),
        ("/users/all%3F", None),
        ("/users/all%23x", None),
        ("/users/all%EF%BC%9Fx", None),  # a full-width question mark
        ("/users/1%3F/keys", None),
    ],
)
def test_other_spelling_of_a_concrete_segment_is_no_parameter(target: str, key: str | None) -> None:
    """A backend that ignores case would serve `/users/all`, which is another permission."""
    assert key_of(_SPELLED, f"GET {target}") == key


_IN_PARTS = catalogue_of(
    "GET /compare/{base}...{head}",
    "GET /compare/{id}",
    "GET /files/{name}.{format}",
    "GET /files/{name}.json",
    "GET /files/{name}",
    "GET /files/all.zip",
    "GET /maps/{x}-{y}-{z}",
    "GET /maps/{a}.{b}",
    "GET /at/p{x}X{y}s",
    "GET /at/Q({a},{b})",
    "GET /twice/{a}aa{b}",
)


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("/compare/main...next", "GET /compare/{base}...{head}"),
        ("/compare/....", "GET /compare/{id}"),
        ("/compare/a...", "GET /compare/{id}"),
        ("/compare/.....", "GET /compare/{base}...{head}"),
        ("/compare/a/b...c", None),
        ("/files/a.png", "GET /files/{name}.{format}"),
        ("/files/a.json", "GET /files/{name}.json"),
        ("/files/a.b.json", "GET /files/{name}.json"),
        ("/files/a.JSON", None),
        ("/files/a", "GET /files/{name}"),
        ("/files/.a", "GET /files/{name}"),
        ("/files/all.zip", "GET /files/all.zip"),
        ("/files/ALL.zip", None),
        ("/files/all.zi%EF%BD%90", None),
        ("/maps/1-2-3", "GET /maps/{x}-{y}-{z}"),
        ("/maps/1-2", None),
        ("/maps/--1--2-", "GET /maps/{x}-{y}-{z}"),
        # Both fit; neither is more concrete than the other.
        ("/maps/1-2.5-3", None),
        ("/at/p1X2s", "GET /at/p{x}X{y}s"),
        ("/at/p1x2s", None),
        ("/at/Q(1,2)", "GET /at/Q({a},{b})"),
        ("/at/q(1,2)", None),
        ("/twice/aaaa", "GET /twice/{a}aa{b}"),
        ("/twice/aaa", None),
    ],
)
def test_a_segment_may_have_several_parameters(target: str, key: str | None) -> None:
    assert key_of(_IN_PARTS, f"GET {target}") == key


def spanning_catalogue(*paths: str, marked: str = "") -> Catalogue:
    permissions = tuple(
        Permission(f"GET {p}", "", "GET", p, category="All", spanning=frozenset(marked.split()))
        for p in paths
    )
    return Catalogue.of("API", (Category("All", permissions),), ())


_SPANNING = spanning_catalogue(
    "/files/{path+}",
    "/files/{path+}/raw",
    "/files/new",
    "/files/{id}",
    "/branches/{branch}",
    "/branches/{branch}/protection",
    "/branches/{branch}/protection/{rule}",
    "/branches/{branch}/users/{user}",
    "/compare/{from}...{to}",
    "/zip/{path+}.zip",
    marked="branch from to",
)


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("/files/a/b/c", "GET /files/{path+}"),
        ("/files/a", "GET /files/{id}"),
        ("/files", None),
        ("/files/", None),
        ("/files/a/b/", None),
        ("/files/a//b", None),
        ("/files/a/../b", None),
        ("/files/a/%2e%2e/b", None),
        ("/files/a%2fb", None),
        ("/files/new", "GET /files/new"),
        ("/files/NEW", None),
        ("/files/new/er", "GET /files/{path+}"),
        ("/files/a/raw", "GET /files/{path+}/raw"),
        ("/files/a/b/raw", "GET /files/{path+}/raw"),
        ("/files/a/RAW", None),
        ("/files/raw/raw/raw", "GET /files/{path+}/raw"),
        ("/files/a/raw/b", "GET /files/{path+}"),
        ("/files/" + "/".join("a" * 63), "GET /files/{path+}"),
        ("/files/" + "/".join("a" * 64), None),
        ("/branches/main", "GET /branches/{branch}"),
        ("/branches/feature/one", "GET /branches/{branch}"),
        ("/branches/feature/one/protection", "GET /branches/{branch}/protection"),
        ("/branches/main/protection/x", "GET /branches/{branch}/protection/{rule}"),
        # Only the backend knows which of the two it takes.
        ("/branches/a/users/protection", None),
        ("/branches/feature/%EF%BC%8Fone", None),  # a full-width slash
        ("/compare/main...next", "GET /compare/{from}...{to}"),
        ("/compare/feature/a...feature/b", "GET /compare/{from}...{to}"),
        ("/compare/feature/a../b", None),
        ("/compare/a/...b", None),
        ("/zip/a/b.zip", "GET /zip/{path+}.zip"),
        ("/zip/a/.zip", None),
        ("/zip/a.ZIP", None),
    ],
)
def test_a_parameter_spans_slashes_only_where_it_is_marked(target: str, key: str | None) -> None:
    assert key_of(_SPANNING, f"GET {target}") == key


def test_one_operation_of_a_path_may_span_slashes_and_another_not() -> None:
    permissions = tuple(
        Permission(f"{m} /f/{{p}}", "", m, "/f/{p}", category="All", spanning=frozenset(names))
        for m, names in (("GET", "p"), ("PUT", ""))
    )
    catalogue = Catalogue.of("API", (Category("All", permissions),), ())
    assert [
        bool(catalogue.match(method, path))
        for path in ("/f/a", "/f/a/b")
        for method in ("GET", "PUT")
    ] == [True, True, True, False]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["a", ".", "-", "/", ".."]), max_size=8).map("".join),
    st.lists(st.sampled_from(["a", ".", "-", "{x}", "{y+}"]), min_size=1, max_size=5).map("".join),
)
def test_segment_matches_as_a_regular_expression_would(text: str, template: str) -> None:
    """Compared with a backtracking expression. A canonical path has no empty segment inside."""
    assume("}{" not in template and "{" in template and "//" not in f"/{text}")
    pieces = re.split(r"(\{[^}]*\})", template)
    value = {"{x}": "[^/]+", "{y+}": "[^/]+(?:/[^/]+)*"}
    pattern = "".join(value.get(piece, re.escape(piece)) for piece in pieces)
    (segment,) = segments_of(f"/{template}")
    if segment.is_spanning:
        parts = text.split("/")
        fits = len(parts) in set(segment.ends(parts, 0))
    else:
        fits = "/" not in text and segment.fits(text)
    assert fits == (re.fullmatch(pattern, text) is not None)


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        (["GET /x/{a}...{b}...{c}"], "/x/" + "." * 8000),
        (["GET /x/{a+}...{b+}...{c+}x"], "/x/" + "." * 8000),
        (["GET /{a+}/y/{b+}/z/{c+}/w"], "/y/z" * 31 + "/w/v"),
        (["GET /{a+}/x/{b}/x/{c+}/x/{d}"], "/x" * 64),
        ([f"GET /{{a+}}/{n}/{{b}}/{n}/{{c+}}" for n in "abcd"], "/a/b/c/d" * 16),
    ],
    ids=["dots", "spanning dots", "nested", "one letter", "many"],
)
def test_matching_time_does_not_depend_on_the_path(keys: list[str], path: str) -> None:
    catalogue = catalogue_of(*keys, "GET /{plain}")
    assert steps(lambda: catalogue.match("GET", path)) < 100_000


_CASES = st.sampled_from(["a", "A", "b", "B", "{x}", "{y}", "a{z}", "{z}A"])


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.lists(_CASES, min_size=1, max_size=3), min_size=1, max_size=10),
    st.lists(st.sampled_from(["a", "A", "b", "B", "ab", "Ab", "bA", "c"]), min_size=1, max_size=3),
)
def test_match_is_the_operation_that_a_case_insensitive_backend_serves(
    templates: list[list[str]], segments: list[str]
) -> None:
    distinct = {_shape(path): f"GET /{'/'.join(path)}" for path in templates}
    target = "/" + "/".join(segments)
    found = catalogue_of(*distinct.values()).match("GET", target)
    if found is None:
        return
    lower = {tuple(map(str.lower, shape)): key for shape, key in distinct.items()}
    served = catalogue_of(*(f"GET {key[4:].lower()}" for key in lower.values()))
    its_own = served.match("GET", target.lower())
    assert its_own is not None
    assert _shape(its_own.path.split("/")) == _shape(found.path.lower().split("/"))


def steps(work: Callable[[], Any]) -> int:
    """The number of calls of Python and C functions."""
    count = 0

    def counted(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "template",
    [
        "/api/v{m}/things-{n}/{{id}}/parts/{{part}}",
        "/api/v{m}/things-{n}({{id}})/parts/{{part}}",
        "/api/v{m}/things-{n}({{id}},{{no}})/{{part}}.x.{{end}}",
    ],
    ids=["whole segments", "parts of segments", "several in a segment"],
)
def test_match_costs_the_same_among_100_and_10_000_operations(template: str) -> None:
    taken = {}
    for size in (100, 10_000):
        keys = [f"GET {template.format(m=n % 7, n=n)}" for n in range(size)]
        catalogue = catalogue_of(*keys)
        one = (size // 14) * 7 + 1
        path = template.format(m=1, n=one).replace("{id}", "x").replace("{part}", "y")
        path = path.replace("{no}", "z").replace("{end}", "e")
        assert catalogue.match("GET", path) is not None
        taken[size] = steps(lambda c=catalogue, p=path: c.match("GET", p))  # type: ignore[misc]
    assert taken[10_000] <= 1.5 * taken[100]
