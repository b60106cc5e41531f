"""The rights of a key: the package leaves them to a table of one's own."""

from django.db import models
from rest_framework_api_key.models import APIKey


class KeyPermission(models.Model):
    api_key = models.ForeignKey(APIKey, on_delete=models.CASCADE, related_name="held")
    key = models.CharField(max_length=512)

    class Meta:
        app_label = "drf"
        constraints = (
            models.UniqueConstraint(fields=["api_key", "key"], name="one_permission_of_a_key"),
        )
