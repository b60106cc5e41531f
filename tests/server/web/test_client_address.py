"""The client's address, as proxies and load balancers write it and as clients forge it."""

import time
from ipaddress import ip_network

import pytest

from server.web.client_address import ClientAddresses, is_within, parsed_address

PROXY = "10.0.0.1"
TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))

# By kind of proxy, the lines that arrive when a client at 192.0.2.7 (or 2001:db8::7) forges one.
X_FORWARDED_FOR: tuple[tuple[list[str], str], ...] = (
    # nginx with $remote_addr, Caddy, Traefik: the header is replaced.
    (["192.0.2.7"], "192.0.2.7"),
    # nginx with $proxy_add_x_forwarded_for, Envoy, Google: appended to the client's line.
    (["6.6.6.6, 192.0.2.7"], "192.0.2.7"),
    (["6.6.6.6,192.0.2.7"], "192.0.2.7"),
    (["6.6.6.6, 192.0.2.7, 10.2.2.2"], "192.0.2.7"),
    (["6.6.6.6,192.0.2.7,fd00::2"], "192.0.2.7"),
    # HAProxy with `option forwardfor`: a line of its own, after the client's.
    (["6.6.6.6", "192.0.2.7"], "192.0.2.7"),
    (["6.6.6.6", "6.6.6.6", "192.0.2.7"], "192.0.2.7"),
    (["6.6.6.6", "192.0.2.7", "10.2.2.2"], "192.0.2.7"),
    # AWS with client ports, Azure's Application Gateway.
    (["6.6.6.6:1, 192.0.2.7:4711"], "192.0.2.7"),
    (["192.0.2.7:4711, 10.2.2.2:80"], "192.0.2.7"),
    (["[2001:DB8::7]:41858"], "2001:db8::7"),
    (["[2001:db8::7]"], "2001:db8::7"),
    (["2001:db8:0:0::7"], "2001:db8::7"),
    (["2001:db8::7, fd00::1"], "2001:db8::7"),
    # Sockets of both families, zones of link-local addresses.
    (["::ffff:192.0.2.7"], "192.0.2.7"),
    (["192.0.2.7, ::ffff:10.9.9.9"], "192.0.2.7"),
    (["[::ffff:192.0.2.7]:4711"], "192.0.2.7"),
    (["fe80::1%eth0"], "fe80::1"),
    (["[fe80::1%25eth0]:80"], "fe80::1"),
    # Only trusted proxies, or one that wrote nothing: the last known address.
    (["10.3.3.3"], "10.3.3.3"),
    ([""], PROXY),
    ([","], PROXY),
    (["6.6.6.6,,10.2.2.2"], "10.2.2.2"),
    ([], PROXY),
    # No address: a trusted proxy does not know or hides it.
    (["10.9.9.9, unknown"], "unknown"),
    (["_hidden"], "unknown"),
    (["unix:"], "unknown"),
    (["nonsense, 10.9.9.9"], "unknown"),
    (["192.0.2.7:"], "unknown"),
    (["192.0.2.7:80:80"], "unknown"),
    (["192.0.2.07"], "unknown"),
    (["[192.0.2.7"], "unknown"),
    (["[[2001:db8::7]]"], "unknown"),
    (["2001:db8::7%"], "unknown"),
    (["192.0.2.7%eth0"], "unknown"),
    (["fe80::1%" + "a" * 300], "unknown"),
    (["192.0.2.7 " * 20], "unknown"),
    (["\x00", "\xff"], "unknown"),
    # The client's own part is not read beyond the first untrusted address.
    (["6.6.6.6, " * 4000 + "192.0.2.7"], "192.0.2.7"),
    (["," * 32_000 + "192.0.2.7"], "192.0.2.7"),
    (["6.6.6.6", "10.9.9.9, " * 3000], "10.0.0.1"),
    (["6.6.6.6, " + ", ".join(["10.9.9.9"] * 40)], "10.9.9.9"),
)

FORWARDED: tuple[tuple[list[str], str], ...] = (
    (["for=192.0.2.7"], "192.0.2.7"),
    (["For=192.0.2.7;proto=http;by=203.0.113.43"], "192.0.2.7"),
    (["proto=https; for=192.0.2.7 ;host=acme.example"], "192.0.2.7"),
    (["for=6.6.6.6, for=192.0.2.7"], "192.0.2.7"),
    (["for=6.6.6.6", "for=192.0.2.7"], "192.0.2.7"),
    (["for=192.0.2.7, for=10.2.2.2"], "192.0.2.7"),
    (['for="[2001:DB8::7]:4711"'], "2001:db8::7"),
    (['for="192.0.2.7:4711"'], "192.0.2.7"),
    (['for="192.0.2.7:_port"'], "192.0.2.7"),
    (['for="[2001:db8::7]:_port";proto=https, for="[fd00::1]"'], "2001:db8::7"),
    (['host="a, for=6.6.6.6";for=192.0.2.7'], "192.0.2.7"),
    # An open quote of the client does not swallow the proxy's part.
    (['for="6.6.6.6, for=192.0.2.7'], "192.0.2.7"),
    (['for="', 'for="192.0.2.7:80"'], "192.0.2.7"),
    (["for=unknown"], "unknown"),
    (['for="_gazonk"'], "unknown"),
    (["for=6.6.6.6, proto=https"], "unknown"),
    (["for=6.6.6.6;for=192.0.2.7"], "unknown"),
    (["for"], "unknown"),
    (['for=""'], "unknown"),
    (['for="192\\.0.2.7"'], "unknown"),
    ([""], PROXY),
    ([], PROXY),
    (["for=6.6.6.6,, for=10.2.2.2"], "10.2.2.2"),
    (['"' * 32_000 + ",for=192.0.2.7"], "192.0.2.7"),
    (["for=6.6.6.6;" * 2500 + ", for=192.0.2.7"], "192.0.2.7"),
)


def lines(name: str, values: list[str]) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"x"), *((name.encode(), value.encode("latin-1")) for value in values)]


@pytest.mark.parametrize("trusts_peer", [False, True])
@pytest.mark.parametrize(
    ("name", "values", "address"),
    [("x-forwarded-for", *row) for row in X_FORWARDED_FOR]
    + [("forwarded", *row) for row in FORWARDED],
)
def test_address_is_the_last_that_a_trusted_proxy_wrote(
    name: str, values: list[str], address: str, trusts_peer: bool
) -> None:
    addresses = ClientAddresses(TRUSTED, name, trusts_peer=trusts_peer)
    headers = lines(name, values)
    # The second call is served from the cache.
    assert [addresses.of(PROXY, headers) for _ in range(2)] == [address, address]
    once = {n: v for n, v in headers if sum(n == other for other, _ in headers) == 1}
    assert addresses.of(PROXY, headers, once) == address


def test_untrusted_peer_is_the_client() -> None:
    headers = lines("x-forwarded-for", ["10.0.0.1"]) + lines("forwarded", ["for=10.0.0.1"])
    for peer, address in (
        ("198.51.100.1", "198.51.100.1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", "unknown"),
        ("/run/proxy.sock", "unknown"),
    ):
        assert ClientAddresses(TRUSTED).of(peer, headers) == address
        assert ClientAddresses(TRUSTED, "forwarded").of(peer, headers) == address
        assert ClientAddresses(()).of(peer, headers) == address


def test_gateway_is_trusted_for_one_hop() -> None:
    addresses = ClientAddresses((), trusts_peer=True)
    assert addresses.of("192.168.0.9", lines("x-forwarded-for", ["6.6.6.6, 192.0.2.7"])) == (
        "192.0.2.7"
    )


def test_other_forwarding_header_is_not_read() -> None:
    """A proxy that writes one of the two headers forwards the other unchanged."""
    both = lines("x-forwarded-for", ["192.0.2.7"]) + lines("forwarded", ["for=6.6.6.6"])
    assert ClientAddresses(TRUSTED).of(PROXY, both) == "192.0.2.7"
    assert ClientAddresses(TRUSTED, "forwarded").of(PROXY, both) == "6.6.6.6"


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded"])
@pytest.mark.parametrize("piece", [",", '"', "10.9.9.9,", "for=10.9.9.9,", 'for="', ";for=", "[:"])
def test_longest_header_costs_little_more_than_a_short_one(name: str, piece: str) -> None:
    addresses = ClientAddresses(TRUSTED, name)

    def cost(value: str) -> float:
        headers = lines(name, [value])
        taken = []
        for _ in range(5):
            before = time.process_time()
            for _ in range(20):
                addresses.of(PROXY, headers)
            taken.append(time.process_time() - before)
        return min(taken) / 20

    longest = piece * (32_000 // len(piece))
    plain = ("6.6.6.6, " * 4000)[:32_000]
    assert cost(longest) <= max(5 * cost(plain), 0.005)


def test_address_is_read_in_any_spelling_and_other_text_is_refused() -> None:
    for text, address in (
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:DB8::0:7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
    ):
        assert str(parsed_address(text)) == address
    for text in (
        "",
        "unknown",
        "192.0.2.7:80",
        "[::1]",
        "fe80::1%",
        "1.2.3.4%5",
        "::1 ",
        "١.1.1.1",
    ):
        assert parsed_address(text) is None
    assert is_within("fd00::1%eth0", TRUSTED)
    assert not is_within("unknown", TRUSTED)
