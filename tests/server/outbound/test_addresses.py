"""Which addresses and URLs tenants may have requests sent to."""

from ipaddress import ip_network

import pytest

from server.errors import InvalidInput
from server.outbound.addresses import is_allowed
from server.outbound.urls import MAX_URL_LENGTH, clean_url

_PUBLIC = [
    "1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.0", "172.15.255.255",
    "172.32.0.0", "192.167.255.255", "192.169.0.0", "169.253.255.255", "198.17.255.255",
    "198.20.0.0", "223.255.255.255", "11.0.0.0", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e",
]  # fmt: skip
_REFUSED = {
    "loopback": ["127.0.0.1", "127.0.0.0", "127.255.255.255", "::1"],
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "private": [
        "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fd12:3456::1",
        "fec0::1",
    ],
    "link-local": ["169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1"],
    "shared": ["100.64.0.1", "100.127.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "192.0.0.1", "192.0.0.9", "192.88.99.1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a9fe:a9fe"],
    "IPv4-compatible": ["::127.0.0.1", "::8.8.8.8"],
    "IPv4-translated": ["::ffff:0:127.0.0.1"],
    "6to4": ["2002:7f00:1::", "2002:0808:0808::1"],
    "Teredo": ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "ORCHID": ["2001:10::1", "2001:20::1"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::808:808", "64:ff9b:1::a00:1"],
    "ISATAP": ["2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1"],
    "discarded": ["100::1"],
    "no address": ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.1.1.1 ", "[::1]"],
}  # fmt: skip


@pytest.mark.parametrize("address", _PUBLIC)
def test_public_address_is_allowed_with_encryption_alone(address: str) -> None:
    assert is_allowed(address, (), is_encrypted=True)
    assert not is_allowed(address, (), is_encrypted=False)


@pytest.mark.parametrize(
    ("kind", "address"), [(kind, one) for kind, every in _REFUSED.items() for one in every]
)
def test_address_that_is_not_public_is_refused(kind: str, address: str) -> None:
    assert not is_allowed(address, (), is_encrypted=True), kind
    assert not is_allowed(address, (), is_encrypted=False), kind


def test_named_networks_are_allowed_without_encryption_and_in_no_other_form() -> None:
    networks = (ip_network("10.1.0.0/16"), ip_network("fd00:1::/32"))
    for address in ("10.1.2.3", "fd00:1::5"):
        assert is_allowed(address, networks, is_encrypted=False)
        assert is_allowed(address, networks, is_encrypted=True)
    for address in (
        "10.2.0.1",
        "fd00:2::5",
        "::ffff:10.1.2.3",
        "64:ff9b::a01:203",
        "2002:a01:203::",
    ):
        assert not is_allowed(address, networks, is_encrypted=True), address


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://example.com", "https://example.com/"),
        (" https://Example.COM/A?b=c%20d ", "https://example.com/A?b=c%20d"),
        ("HTTPS://example.com:8443/x", "https://example.com:8443/x"),
        ("https://example.com:443", "https://example.com:443/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"),
        ("https://[2606:4700:4700::1111]:8443/", "https://[2606:4700:4700::1111]:8443/"),
    ],
)
def test_url_is_kept_in_one_form(given: str, kept: str) -> None:
    assert clean_url(given, ()) == kept


_BAD_URLS = [
    "", " ", "example.com", "//example.com", "https://", "https:///x", "https:example.com",
    "http://example.com", "ftp://example.com", "file:///etc/passwd", "gopher://example.com",
    "javascript:alert(1)", "https://user@example.com", "https://user:pass@example.com",
    "https://@example.com", "https://example.com#x", "https://example.com:22", "https://example.com:25",
    "https://example.com:0", "https://example.com:65536", "https://example.com:-1",
    "https://example.com:x", "https://127.0.0.1", "https://[::1]", "https://[::ffff:127.0.0.1]",
    "https://[fe80::1%25eth0]", "https://127.1", "https://2130706433", "https://0x7f.1",
    "https://0177.0.0.1", "https://0x7f000001/", "https://127.0.0.1.", "https://169.254.169.254/",
    "https://a..b", "https://.example.com", "https://-a.example", "https://exa mple.com",
    "https://example.com\\@127.0.0.1", "https://example.com/\u0000", "https://b\u00fccher.example",
    "https://example.com/\r\nX: y", "https://\uff11\uff12\uff17.0.0.1", "https://[::1", "https://]",
    "https://" + "a" * 64 + ".example", "https://example.com/" + "a" * MAX_URL_LENGTH,
    "https://" + ".".join(["a" * 60] * 5) + ".example",
]  # fmt: skip


@pytest.mark.parametrize("text", _BAD_URLS)
def test_url_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_url(text, ())
    assert refused.value.field == "url"


def test_unencrypted_url_needs_a_network_that_allows_it() -> None:
    networks = (ip_network("10.1.0.0/16"),)
    assert clean_url("http://10.1.2.3:8080/x", networks) == "http://10.1.2.3:8080/x"
    # The address of a name is checked at the connection.
    assert clean_url("http://hooks.internal/x", networks) == "http://hooks.internal/x"
    for text in ("http://10.2.0.1/", "http://8.8.8.8/", "https://10.2.0.1/"):
        with pytest.raises(InvalidInput):
            clean_url(text, networks)
