"""The token brand: the prefix of secrets of this installation."""

from tortoise import fields
from tortoise.models import Model


class TokenBrand(Model):
    """A brand that new secrets had at some time. It belongs to the installation, not to a tenant.

    Never deleted, so that a starting instance knows all brands in use without reading every token.
    """

    brand = fields.CharField(max_length=16, primary_key=True)

    class Meta:
        table = "token_brand"
        table_description = "What the secrets of tokens start with"
