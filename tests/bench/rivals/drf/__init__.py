"""A rival: the check with Django REST framework and djangorestframework-api-key.

As their documentation has it: settings, a model for what a key may do, a view, on gunicorn.
"""
