"""The Containerfile: the files of the image, its user, and the files that it lacks.

The image's own command and health check run in `test_wheel.py`, from the installed wheel.
"""

import fnmatch
import re
import tomllib

from server.console import build
from tests.support.deployment import (
    Instruction,
    copied_sources,
    image_environment,
    manifest,
    named,
    stages,
)
from tests.support.process import ROOT

_BUILD, _IMAGE = stages()
# `build-essential` and the like would come along without `--no-install-recommends`.
_PACKAGES = {"ca-certificates", "python3"}


def _installed(stage: list[Instruction]) -> set[str]:
    """The packages that a stage installs by apt-get."""
    (found,) = re.findall(r"apt-get install((?: +[a-z0-9-]+)+)", named("RUN", stage)[0].text)
    return {word for word in found.split() if not word.startswith("-")}


def _is_sent(path: str) -> bool:
    """Whether a path of the repository gets past .dockerignore. The last pattern that fits wins."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        names = [path, *path.split("/")] if "**/" in line else _with_parents(path)
        if line and not line.startswith("#") and any(fnmatch.fnmatch(n, pattern) for n in names):
            sent = line.startswith("!")
    return sent


def _with_parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def test_every_source_exists_and_is_sent_to_the_builder() -> None:
    sources = copied_sources()
    assert {"models", "server"} < set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert _is_sent(source), source
    # Read by the build of the pages, and by that of the wheel.
    assert build.SCHEMA.relative_to(ROOT).as_posix() in sources
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"pyproject.toml", project["readme"], "requirements.txt"} <= set(sources)


def test_neither_data_nor_what_was_built_here_is_sent_to_the_builder() -> None:
    for path in (
        ".git/config",
        ".venv/bin/python",
        "tessera.db",
        "tests/conftest.py",
        "server/console/assets/index.html",
        "server/console/web/node_modules/vite/package.json",
        "server/__pycache__/app.cpython-311.pyc",
    ):
        assert not _is_sent(path), path
    assert _is_sent("server/console/web/package-lock.json")
    assert _is_sent("server/console/build.py")


def test_the_image_runs_as_a_numeric_user_without_rights() -> None:
    """A number, since Kubernetes cannot tell whether a name is root's."""
    *_, user = named("USER", _IMAGE)
    number, group = user.text.split(":")
    assert number.isdecimal()
    assert 0 not in {int(number), int(group)}
    after = _IMAGE[_IMAGE.index(user) :]
    assert {one.name for one in after}.isdisjoint({"RUN", "COPY", "ADD"})
    pods = (manifest("Deployment"), manifest("Job", "tessera-migrate"))
    for pod in pods:
        context = pod["spec"]["template"]["spec"]["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (int(number), int(group))


def test_the_image_holds_no_tools_of_the_build() -> None:
    assert _installed(_IMAGE) == _PACKAGES < _installed(_BUILD)
    assert "--no-install-recommends" in named("RUN", _IMAGE)[0].text
    assert [copy.text for copy in named("COPY", _IMAGE)] == [
        "--from=build /opt/tessera /opt/tessera"
    ]
    (made,) = [run.text for run in named("RUN", _BUILD) if "venv --without-pip" in run.text]
    # From the files whose hashes were checked, and only packages that the wheel requires.
    assert made.endswith("install --no-index --find-links /wheels tessera")
    assert any("download --no-cache-dir --require-hashes" in r.text for r in named("RUN", _BUILD))


def test_the_database_of_the_image_is_in_its_volume() -> None:
    (volume,), (folder,) = named("VOLUME", _IMAGE), named("WORKDIR", _IMAGE)
    assert volume.text == folder.text
    environment = image_environment()
    assert environment["TESSERA_DATABASE_URL"] == f"sqlite://{volume.text}/tessera.db"
    # The root is read-only.
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
