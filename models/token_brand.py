"""The token brand: what the secrets of some tokens of this installation start with."""

from tortoise import fields
from tortoise.models import Model


class TokenBrand(Model):
    """A brand that new secrets were given at some time, of the installation and no tenant's.

    Kept for good, so that a start tells without reading every token which brands there may be.
    """

    brand = fields.CharField(max_length=16, primary_key=True)

    class Meta:
        table = "token_brand"
        table_description = "What the secrets of tokens start with"
