"""The versions of the tenant API's document, and the notices of them that tenants get."""

from tortoise import fields

from models.rows import Row, TenantRow


class CatalogueVersion(Row):
    """A document that was served for the first time at `created_at`.

    `number` counts the versions from 1. `fingerprint` is that of the document's operations.
    `operations` holds them, compressed, in the newest version alone: the next is compared with
    them. `changes` is JSON of the differences to the version before, at most 1,000 of each kind;
    `affected` the fingerprints of the permissions that tokens may miss since, 16 bytes each.
    `announced_at` is null until all tenants have been notified.
    """

    number = fields.IntField(unique=True)
    fingerprint = fields.BinaryField()
    operations = fields.BinaryField(null=True)
    changes = fields.TextField()
    affected = fields.BinaryField()
    announced_at = fields.DatetimeField(null=True)

    class Meta:
        table = "catalogue_version"
        table_description = "The versions of the tenant API's document"
        unique_together = (("fingerprint",),)


class CatalogueNotice(TenantRow):
    """The notice of a version that a tenant was sent. `affected_tokens` is how many of its live
    tokens it met.
    """

    version_id = fields.UUIDField()
    affected_tokens = fields.IntField()
    dismissed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "catalogue_notice"
        table_description = "Which tenant was told of which version"
        unique_together = (("tenant_id", "id"), ("tenant_id", "version_id"))


class FollowedCategory(TenantRow):
    """A token is granted the operations that later versions add to this category.

    `through` is the number of the last version whose operations it was granted, or not offered.
    """

    token_id = fields.UUIDField()
    category = fields.CharField(max_length=200)
    through = fields.IntField()

    class Meta:
        table = "followed_category"
        table_description = "Which token follows which category"
        unique_together = (("tenant_id", "id"), ("tenant_id", "token_id", "category"))
        indexes = (("tenant_id", "through", "token_id"),)
