"""The view that checks a key, and its route."""

from typing import Any

from django.urls import path
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_api_key.permissions import HasAPIKey, KeyParser

from tests.bench.rivals.drf.models import KeyPermission

_PREFIX, _PERMISSION = "/api/v1/devices/", "GET /api/v1/devices/{device_id}"


class HoldsPermission(BasePermission):
    """Whether the key may make the original request."""

    def has_permission(self, request: Any, view: Any) -> bool:
        asked = request.headers["X-Original-Method"], request.headers["X-Original-URI"]
        if asked[0] != "GET" or not asked[1].startswith(_PREFIX):
            return False
        prefix, _, _ = KeyParser().get(request).partition(".")
        held = KeyPermission.objects.filter(api_key__prefix=prefix, key=_PERMISSION)
        return bool(held.exists())


class Authorize(APIView):
    permission_classes = (HasAPIKey, HoldsPermission)

    def get(self, request: Any) -> Any:
        return Response()


urlpatterns = [path("authorize", Authorize.as_view())]
