"""The installation's keys: what the secrets of all tenants are digested with."""

from enum import Enum

from tortoise import fields
from tortoise.models import Model


class KeyState(Enum):
    """How far the digests of one generation are in use.

    ANNOUNCED: instances may already look secrets up with it. CURRENT: new digests are of this
    generation. REPLACED: some digests are still of this generation. FORMER: none is.
    """

    ANNOUNCED = "ANNOUNCED"
    CURRENT = "CURRENT"
    REPLACED = "REPLACED"
    FORMER = "FORMER"


class InstallationKey(Model):
    """One generation of digests, of the installation and no tenant's; exactly one is current.

    `fingerprint` tells whether a key is this one. `key` holds it where the settings give none.
    `sealed` is the key encrypted with that of the next generation, which needs it.
    """

    generation = fields.IntField(primary_key=True, generated=False)
    fingerprint = fields.BinaryField()
    key = fields.BinaryField(null=True)
    sealed = fields.BinaryField(null=True)
    state = fields.CharEnumField(KeyState, description="How far it is in use", max_length=16)

    class Meta:
        table = "installation_key"
        table_description = "The keys of all digests, by generation"
