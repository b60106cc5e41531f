"""The files of `docs/deploy` and the Containerfile, as the tests of delivery read them."""

import json
import shlex
from functools import cache
from typing import Any, NamedTuple

import yaml

from tests.support.process import ROOT

FOLDER = ROOT / "docs" / "deploy"
CONTAINERFILE = ROOT / "Containerfile"


class Instruction(NamedTuple):
    """An instruction of the Containerfile: its name, and all that stands behind it."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its words: of its JSON form, or as a shell would split them."""
        found: list[str] = (
            json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)
        )
        return found


def stages() -> list[list[Instruction]]:
    """The instructions of each stage of the Containerfile, each stage from its FROM on."""
    lines = [line for line in CONTAINERFILE.read_text().splitlines() if not line.startswith("#")]
    found: list[list[Instruction]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, text = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
        if found and name:
            found[-1].append(Instruction(name, text.strip()))
    return found


def named(name: str, stage: list[Instruction]) -> list[Instruction]:
    """The instructions of a stage with this name."""
    return [one for one in stage if one.name == name]


def copied_sources() -> list[str]:
    """The files and folders of the repository that the image is built from."""
    copies = [one.words for stage in stages() for one in named("COPY", stage)]
    return [source for words in copies if "--from" not in words[0] for source in words[:-1]]


def healthcheck() -> list[str]:
    """The command of the image's health check."""
    (check,) = named("HEALTHCHECK", stages()[-1])
    return Instruction("CMD", check.text.partition("CMD ")[2]).words


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    words = [word for one in named("ENV", stages()[-1]) for word in one.words]
    return dict(word.split("=", 1) for word in words)


def image_command() -> list[str]:
    """The command of a container without arguments."""
    (entry,), (arguments,) = (named(name, stages()[-1]) for name in ("ENTRYPOINT", "CMD"))
    return entry.words + arguments.words


@cache
def manifests(folder: str) -> dict[str, list[Any]]:
    """The objects of each file in a folder of `docs/deploy/kubernetes`."""
    files = (FOLDER / "kubernetes" / folder).iterdir()
    return {file.name: list(yaml.safe_load_all(file.read_text())) for file in sorted(files)}


def manifest(kind: str, name: str = "tessera") -> Any:
    """The one object of this kind and name in `docs/deploy/kubernetes`."""
    (found,) = [
        one
        for folder in ("serve", "migrate", "gateway")
        for objects in manifests(folder).values()
        for one in objects
        if one["kind"] == kind and one["metadata"]["name"] == name
    ]
    return found
