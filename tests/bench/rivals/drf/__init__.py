"""A rival: the check with Django REST framework and djangorestframework-api-key.

As their documentation has it: settings, a model for the rights of a key, a view, on gunicorn.
"""
