"""`tessera catalogue check`: permissions, faults and unreadable files."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

from tests.support.command import refused, run, tessera_here
from tests.support.process import ROOT, TESSERA, tessera_environment


def test_valid_document_is_listed_as_permissions(url: str, tmp_path: Path) -> None:
    (tmp_path / "api.json").write_text(
        json.dumps(
            {
                "openapi": "3.1.0",
                "info": {"title": "T", "version": "1"},
                "servers": [{"url": "https://x.example/v2"}],
                "paths": {"/pets": {"get": {"summary": "List pets", "tags": ["Pets"]}}},
            }
        )
    )
    grid = run(url, "catalogue", "check", str(tmp_path / "api.json"))
    assert grid.startswith("Pets\n  GET     /pets  List pets\n\n1 permissions in 1 categories\n")
    assert "served under /v2\n" in grid


def test_document_faults_are_listed(url: str, tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(
        "openapi: 3.0.0\npaths: {/a/../b: {get: {}}, c: {}, /d: {get: {}}}"
    )
    done = tessera_here("catalogue", "check", str(tmp_path / "api.yaml"), database_url=url)
    assert (done.returncode, done.stderr) == (1, "")
    assert "GET     /d" in done.stdout
    assert "refused: /paths/~1a~1..~1b: A path must not have dot segments.\n" in done.stdout
    assert "refused: /paths/c: A path must start with a slash.\n" in done.stdout


def test_file_that_is_no_document_is_reported(url: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    for file in (tmp_path / "x", tmp_path / "missing", tmp_path):
        assert refused(url, "catalogue", "check", str(file))


def test_closed_output_pipe_is_no_error(url: str, tmp_path: Path) -> None:
    paths: dict[str, Any] = {f"/v1/things{number}": {"get": {}} for number in range(5000)}
    (tmp_path / "api.json").write_text(json.dumps({"openapi": "3.1.0", "paths": paths}))
    piped = f"{shlex.join([*TESSERA, 'catalogue', 'check', str(tmp_path / 'api.json')])} | head -1"
    done = subprocess.run(
        ["sh", "-c", piped],
        env=tessera_environment(url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("things0\n", "")
