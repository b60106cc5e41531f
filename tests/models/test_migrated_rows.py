"""Each migration keeps the rows of the schema before it, in the form of the schema after it."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

import models
from models import Role
from server import database
from server.access import token_search
from server.access.activity import record
from server.access.principal import SignedInAdmin
from server.operations import tokens
from server.paging import PageRequest
from server.starting import running_service
from server.token_format import DigestKey
from tests.conftest import settings_for
from tests.support.migrations import hold_back, put_back


async def test_last_uses_move_into_token_last_use(bare_url: str, planted: Path) -> None:
    later = hold_back(planted, "0005")
    await database.migrate(settings_for(bare_url))
    tenant_id, whole, partly, never = (models.new_id() for _ in range(4))
    at = datetime(2026, 3, 3, 12, 0, 0, 250, tzinfo=UTC)
    async with database.connected(settings_for(bare_url)):
        for token_id, used in (
            (whole, f"'{at}', '192.0.2.1', 'curl'"),
            (partly, f"'{at}', NULL, NULL"),
            (never, "NULL, NULL, NULL"),
        ):
            await database.connection().execute_script(
                "INSERT INTO token (id, created_at, tenant_id, name, description, search_text,"
                " digest, hint, revision, created_by_id, last_used_at, last_used_from,"
                f" last_used_user_agent) VALUES ('{token_id}', '{at}', '{tenant_id}', 'n', 'd',"
                f" 'n', '{token_id}', 'tsr_', 3, '{tenant_id}', {used})"
            )
    await put_back(later, bare_url)
    async with database.connected(settings_for(bare_url)):
        last_uses = models.TokenLastUse.filter(tenant_id=tenant_id).order_by("id")
        columns = ("id", "created_at", "last_used_at", "last_used_from", "last_used_user_agent")
        assert await last_uses.values_list(*columns) == [
            (whole, at, at, "192.0.2.1", "curl"),
            (partly, at, at, "", ""),
        ]
        tokens = models.Token.filter(tenant_id=tenant_id).order_by("id")
        assert await tokens.values_list("id", "name", "revision", "revoked_at") == [
            (token_id, "n", 3, None) for token_id in (whole, partly, never)
        ]


async def test_brands_of_live_tokens_are_recorded(bare_url: str, planted: Path) -> None:
    later = hold_back(planted, "0006")
    await database.migrate(settings_for(bare_url))
    at, tenant_id = models.now(), models.new_id()
    async with database.connected(settings_for(bare_url)):
        for hint, revoked in (
            ("tsr_aaaaaa…", "NULL"),
            ("tsr_bbbbbb…", "NULL"),
            ("acme_cccccc…", "NULL"),
            ("gone_dddddd…", f"'{at}'"),
        ):
            await database.connection().execute_script(
                "INSERT INTO token (id, created_at, tenant_id, name, description, search_text,"
                " digest, hint, revision, created_by_id, revoked_at) VALUES"
                f" ('{models.new_id()}', '{at}', '{tenant_id}', 'n', 'd', 'n', '{hint}', '{hint}',"
                f" 1, '{tenant_id}', {revoked})"
            )
    await put_back(later, bare_url)
    async with database.connected(settings_for(bare_url)):
        assert {row.brand for row in await models.TokenBrand.all()} == {"tsr", "acme"}


async def test_search_texts_move_into_token_search_and_email_domains_become_ascii(
    bare_url: str, planted: Path
) -> None:
    later = hold_back(planted, "0008")
    await database.migrate(settings_for(bare_url))
    owner = SignedInAdmin(models.new_id(), models.new_id(), Role.OWNER, models.new_id())
    istanbul, api, revoked = (models.new_id() for _ in range(3))
    async with database.connected(settings_for(bare_url)):
        await _insert_before_0008(owner, istanbul, api, revoked)
    await put_back(later, bare_url)
    async with database.connected(settings_for(bare_url)):
        for term, found in {
            "istanbul": [istanbul],
            "api": [api],
            "n": [istanbul],
            "nightly export": [istanbul],
        }.items():
            page = await tokens.search(owner, PageRequest(), term)
            assert [row.id for row in page.rows] == found, term
        kept = {row.id: row for row in await models.TokenSearch.filter(tenant_id=owner.tenant_id)}
        for row in await models.Token.filter(tenant_id=owner.tenant_id, revoked_at=None):
            written, now = kept[row.id], token_search.row_of(row)
            assert (written.text, written.words, written.place) == (now.text, now.words, now.place)
        assert kept.keys() == {istanbul, api, revoked}
        assert kept[revoked].words == ""
        admins = models.Admin.filter(tenant_id=owner.tenant_id)
        # A domain stays as written where its ASCII form belongs to another admin.
        assert sorted([admin.email for admin in await admins]) == [
            "ada@xn--bcher-kva.example",
            "grace@bücher.example",
            "grace@xn--bcher-kva.example",
        ]


async def _insert_before_0008(
    owner: SignedInAdmin, istanbul: UUID, api: UUID, revoked: UUID
) -> None:
    at, run = "2026-03-03 12:00:00+00:00", database.connection().execute_script
    for token_id, name, description, ended in (
        (istanbul, "İstanbul", "Nightly export", "NULL"),
        (api, "ＡＰＩ", "", "NULL"),
        (revoked, "api", "", f"'{at}'"),
    ):
        await run(
            "INSERT INTO token (id, created_at, tenant_id, name, description, search_text,"
            " digest, hint, revision, created_by_id, revoked_at) VALUES"
            f" ('{token_id}', '{at}', '{owner.tenant_id}', '{name}',"
            f" '{description}', 'x', '{token_id}', 'tsr_', 1, '{owner.admin_id}', {ended})"
        )
    for email in ("ada@bücher.example", "grace@bücher.example", "grace@xn--bcher-kva.example"):
        await run(
            "INSERT INTO admin (id, created_at, tenant_id, email, name, role) VALUES"
            f" ('{models.new_id()}', '{at}', '{owner.tenant_id}', '{email}', 'A', 'ADMIN')"
        )


@pytest.mark.parametrize("is_kept", [True, False])
async def test_digest_key_becomes_generation_0(bare_url: str, planted: Path, is_kept: bool) -> None:
    """The database holds the key (`is_kept`), or the settings give it."""
    later = hold_back(planted, "0009")
    await database.migrate(settings_for(bare_url))
    key = bytes(range(32))
    check, kept = DigestKey(key).fingerprint(0), key if is_kept else None
    async with database.connected(settings_for(bare_url)):
        marks = "$1, $2" if bare_url.startswith("postgres") else "?, ?"
        await database.connection().execute_query(
            "INSERT INTO installation (id, digest_key_check, digest_key)"
            f" VALUES ('tessera', {marks})",
            [check, kept],
        )
    await put_back(later, bare_url)
    settings = replace(settings_for(bare_url), digest_key=() if is_kept else (key,))
    async with running_service(settings) as service:
        assert service.digest_key.digest("token", "x") == DigestKey(key).digest("token", "x")
        [row] = await models.InstallationKey.all()
        assert (row.generation, row.key, row.state) == (0, kept, models.KeyState.CURRENT)


async def test_permissions_get_fingerprints_of_method_and_path_shape(
    bare_url: str, planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two permissions that differ in a parameter's name become one row; in batches of two."""
    later = hold_back(planted, "0010")
    await database.migrate(settings_for(bare_url))
    tenant_id = models.new_id()
    held = {
        models.new_id(): keys
        for keys in (
            ["GET /a/{x}", "GET /a/{y}", "PUT /a/{x}"],
            [],
            [f"GET /b{n}" for n in range(5)],
            ["GET /f/{p+}", "GET /f/{p}"],
            [f"GET /c{n}/{{id}}" for n in range(60)],
        )
    }
    async with database.connected(settings_for(bare_url)):
        for token_id, keys in held.items():
            await _insert_before_0010(tenant_id, token_id, keys, bare_url.startswith("sqlite"))
    in_batches_of_two = {
        file: text.replace("_AT_ONCE = 500", "_AT_ONCE = 2") for file, text in later.items()
    }
    await put_back(in_batches_of_two, bare_url)
    async with database.connected(settings_for(bare_url)):
        for token_id, keys in held.items():
            rows = await models.TokenPermission.filter(tenant_id=tenant_id, token_id=token_id)
            kept = [key for key in keys if key != "GET /a/{x}"]  # the newer of two is kept
            assert {row.key: row.fingerprint for row in rows} == {
                key: models.permission_fingerprint(key) for key in kept
            }
            secret = await models.TokenSecret.get(tenant_id=tenant_id, token_id=token_id)
            if len(keys) > 48:
                assert secret.grants is None
            else:
                grants = bytes(secret.grants or b"")
                marks = {grants[n : n + 16] for n in range(0, len(kept) * 16, 16)}
                assert marks == {models.permission_fingerprint(key) for key in kept}
                assert len(grants) == 16 * len(kept)


async def _insert_before_0010(
    tenant_id: UUID, token_id: UUID, keys: list[str], is_sqlite: bool
) -> None:
    at, run = datetime(2026, 3, 3, 12, 0, tzinfo=UTC), database.connection().execute_script
    grants = "NULL" if len(keys) > 48 else "x'00'" if is_sqlite else r"'\x00'"
    await run(
        "INSERT INTO token (id, created_at, tenant_id, name, description,"
        " digest, hint, revision, created_by_id, grants)"
        f" VALUES ('{token_id}', '{at}', '{tenant_id}', 'n', 'd',"
        f" '{token_id}', 'tsr_', 3, '{tenant_id}', {grants})"
    )
    for key in keys:
        await run(
            "INSERT INTO token_permission (id, created_at, tenant_id, token_id, key)"
            f" VALUES ('{models.new_id()}', '{at}', '{tenant_id}', '{token_id}', '{key}')"
        )


async def test_secrets_move_into_rows_of_their_own(bare_url: str, planted: Path) -> None:
    later = hold_back(planted, "0011")
    await database.migrate(settings_for(bare_url))
    tenant_id, creator, at = models.new_id(), models.new_id(), models.now()
    ids = [models.new_id() for _ in range(3)]
    binary = partial(_binary, is_sqlite=bare_url.startswith("sqlite"))
    digests = [bytes([n]) * (32 + n // 2) for n in range(3)]  # the last is of a later generation
    async with database.connected(settings_for(bare_url)):
        for token_id, digest, revoked, grants, key in zip(
            ids,
            digests,
            ("NULL", f"'{at}'", "NULL"),
            (binary(b"g" * 16), binary(b""), "NULL"),
            ("NULL", "'k'", "NULL"),
            strict=True,
        ):
            await database.connection().execute_script(
                "INSERT INTO token (id, created_at, tenant_id, name, description, digest, hint,"
                " revision, created_by_id, idempotency_key, revoked_at, grants)"
                f" VALUES ('{token_id}', '{at}', '{tenant_id}', 'n', 'd', {binary(digest)},"
                f" 'tsr_', 3, '{creator}', {key}, {revoked}, {grants})"
            )
    await put_back(later, bare_url)
    async with database.connected(settings_for(bare_url)):
        tokens = models.Token.filter(tenant_id=tenant_id).order_by("id")
        columns = ("id", "created_at", "name", "hint", "revision", "created_by_id")
        assert await tokens.values_list(*columns) == [
            (token_id, at, "n", "tsr_", 3, creator) for token_id in ids
        ]
        kept = await tokens.values_list("idempotency_key", "revoked_at")
        assert kept == [(None, None), ("k", at), (None, None)]
        secrets = models.TokenSecret.filter(tenant_id=tenant_id).order_by("token_id")
        rows = await secrets.values_list("token_id", "digest", "generation", "closed_by", "grants")
        closed = [None, models.ClosedBy.REVOKED, None]
        assert [(row[0], bytes(row[1]), *row[2:4]) for row in rows] == [
            (token_id, digest, 1, closed_by)
            for token_id, digest, closed_by in zip(ids, digests, closed, strict=True)
        ]
        assert [None if row[4] is None else bytes(row[4]) for row in rows] == [b"g" * 16, b"", None]


async def test_first_uses_and_revocations_are_marked(bare_url: str, planted: Path) -> None:
    later = hold_back(planted, "0015")
    await database.migrate(settings_for(bare_url))
    tenant_id, at = models.new_id(), datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
    used, revoked, never = (models.new_id() for _ in range(3))
    async with database.connected(settings_for(bare_url)):
        run = database.connection().execute_script
        for token_id, ended in ((used, "NULL"), (revoked, f"'{at}'"), (never, "NULL")):
            await run(
                "INSERT INTO token (id, created_at, tenant_id, name, description, hint, revision,"
                f" created_by_id, holder_may_rotate, revoked_at) VALUES ('{token_id}', '{at}',"
                f" '{tenant_id}', 'n', 'd', 'tsr_', 3, '{tenant_id}', false, {ended})"
            )
        for token_id in (used, revoked):
            await run(
                "INSERT INTO token_last_use (id, created_at, tenant_id, last_used_at,"
                f" last_used_from, last_used_user_agent) VALUES ('{token_id}', '{at}',"
                f" '{tenant_id}', '{at.replace(day=4)}', '192.0.2.1', 'curl')"
            )
    await put_back(later, bare_url)
    async with database.connected(settings_for(bare_url)):
        tokens = models.Token.filter(tenant_id=tenant_id).order_by("id")
        assert await tokens.values_list("id", "name", "revoked_at", "first_used_at") == [
            (used, "n", None, at),
            (revoked, "n", at, at),
            (never, "n", None, None),
        ]
        last_uses = models.TokenLastUse.filter(tenant_id=tenant_id).order_by("id")
        assert await last_uses.values_list("id", "last_used_at", "revoked_at") == [
            (used, at.replace(day=4), None),
            (revoked, at.replace(day=4), at),
        ]


def _binary(content: bytes, *, is_sqlite: bool) -> str:
    """Bytes as a literal in SQL."""
    return f"x'{content.hex()}'" if is_sqlite else rf"'\x{content.hex()}'"


async def test_activities_get_numbers_actors_and_subjects(bare_url: str, planted: Path) -> None:
    later = hold_back(planted, "0018")
    await database.migrate(settings_for(bare_url))
    owner = SignedInAdmin(models.new_id(), models.new_id(), Role.OWNER, models.new_id())
    token, other = models.new_id(), models.new_id()
    ids = [models.new_id() for _ in range(4)]
    async with database.connected(settings_for(bare_url)):
        await _insert_before_0018(owner, other, token, ids)
    await put_back(later, bare_url)
    async with database.connected(settings_for(bare_url)):
        rows = models.Activity.filter(tenant_id=owner.tenant_id).order_by("id")
        columns = ("id", "sequence", "actor_kind", "actor_id", "subject_kind", "subject_id")
        admin, of_token = models.ActorKind.ADMIN, (models.SubjectKind.TOKEN, token)
        assert await rows.values_list(*columns) == [
            (ids[0], 1, admin, owner.admin_id, *of_token),
            (ids[1], 2, models.ActorKind.HOLDER, token, *of_token),
            (ids[3], 3, admin, owner.admin_id, *of_token),
        ]
        [row] = await models.Admin.filter(tenant_id=owner.tenant_id)
        assert (row.email, row.address, row.removed_at) == ("o@example.com", "o@example.com", None)
        async with database.transaction():
            await record(owner, models.ActivityKind.SIGNED_OUT, row)
        last = (await rows)[-1]
        assert (last.sequence, last.kind) == (4, models.ActivityKind.SIGNED_OUT)
        counter = await models.ActivityCounter.get(tenant_id=other)
        assert models.id_of_tick(counter.tick).int >> 64 == ids[2].int >> 64


async def _insert_before_0018(
    owner: SignedInAdmin, other: UUID, token: UUID, ids: list[UUID]
) -> None:
    at, run = "2026-03-03 12:00:00+00:00", database.connection().execute_script
    for row_id, tenant_id, actor in (
        (ids[1], owner.tenant_id, UUID(int=0)),
        (ids[0], owner.tenant_id, owner.admin_id),
        (ids[2], other, owner.admin_id),
        (ids[3], owner.tenant_id, owner.admin_id),
    ):
        await run(
            "INSERT INTO activity (id, created_at, tenant_id, token_id, actor_id, kind,"
            f" details) VALUES ('{row_id}', '{at}', '{tenant_id}', '{token}', '{actor}',"
            " 'CREATED', '{}')"
        )
    await run(
        "INSERT INTO admin (id, created_at, tenant_id, email, name, role) VALUES"
        f" ('{owner.admin_id}', '{at}', '{owner.tenant_id}', 'o@example.com', 'O', 'OWNER')"
    )
