"""The installation's keys, with which the secrets of all tenants are digested."""

from enum import Enum

from tortoise import fields
from tortoise.models import Model


class KeyState(Enum):
    """How far the digests of one generation are in use.

    ANNOUNCED: instances may already look secrets up with it. CURRENT: new digests use this
    generation. REPLACED: some digests still use this generation. FORMER: no digest uses it.
    """

    ANNOUNCED = "ANNOUNCED"
    CURRENT = "CURRENT"
    REPLACED = "REPLACED"
    FORMER = "FORMER"


class InstallationKey(Model):
    """One generation of digests, of the installation and not of a tenant; exactly one is current.

    `fingerprint` identifies the key. `key` holds it if the settings give none. `sealed` is the key
    encrypted with the key of the next generation, which needs it.
    """

    generation = fields.IntField(primary_key=True, generated=False)
    fingerprint = fields.BinaryField()
    key = fields.BinaryField(null=True)
    sealed = fields.BinaryField(null=True)
    state = fields.CharEnumField(KeyState, description="How far it is in use", max_length=16)

    class Meta:
        table = "installation_key"
        table_description = "The keys of all digests, by generation"
