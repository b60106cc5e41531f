"""The rivals that people would pick: packages of others, installed into this folder by the bench.

`mercurius.mjs`, `postgraphile.mjs` and `better_auth.mjs` run on Node, `drf_keys` on Django.
"""
