"""Support for the tests: servers, browsers, gateways, clients and rows. No tests."""
