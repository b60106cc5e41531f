"""Django's settings, for the database of `TESSERA_DATABASE_URL`."""

import os
from urllib.parse import unquote, urlsplit

_database = urlsplit(os.environ["TESSERA_DATABASE_URL"])

SECRET_KEY = os.environ["TESSERA_DIGEST_KEY"]
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["rest_framework", "rest_framework_api_key", "tests.bench.rivals.drf"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "tests.bench.rivals.drf.views"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _database.hostname,
        "PORT": _database.port,
        "USER": unquote(_database.username or ""),
        "PASSWORD": unquote(_database.password or ""),
        "NAME": unquote(_database.path.removeprefix("/")),
        # Each thread keeps its connection.
        "CONN_MAX_AGE": None,
    }
}
# The API key is all that a client shows.
REST_FRAMEWORK: dict[str, object] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
}
