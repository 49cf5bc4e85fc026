"""The contract of test/contract/clients.test.ts, for Python's clients: what is checked, and with which records."""

START_MS = 1_700_000_000_000
PLAIN = 100
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


class Absent(Exception):
    """The client has no such thing."""


def check(name, work):
    try:
        work()
        print(f"ok\t{name}", flush=True)
    except Absent as why:
        print(f"absent\t{name}\t{why}", flush=True)
    except BaseException as error:
        print(f"failed\t{name}\t{' '.join(repr(error).split())}", flush=True)


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


def plain_value(i):
    return f"value {i} {'abc' * 20}".encode()


def records():
    """Key, value, timestamp and headers of each."""
    yield b"k", b"v", START_MS + 123, [("h", b"x"), ("e", b"")]
    yield None, b"no key", START_MS + 1, []
    yield b"t", None, START_MS + 456, []
    for i in range(PLAIN):
        yield f"k{i % 3}".encode(), plain_value(i), START_MS + 1_000 + i, []


def run(client, large):
    """`client` has a method for each check."""
    for name in ["topics", "settings", "groups", "offsets by time", "deletes", "offsets in transactions"]:
        check(name, getattr(client, name.replace(" ", "_")))
    for codec in CODECS:
        check(f"write {codec}", lambda: client.write(f"written-{codec}", codec, records()))
        check(f"append {codec}", lambda: client.write(f"appended-{codec}", codec, records()))
        check(f"transactions {codec}", lambda: client.transactions(f"transactions-{codec}", codec))
        check(f"large {codec}", lambda: client.write(f"large-{codec}", codec, [(None, large, START_MS, [])]))
        check(f"read {codec}", lambda: same(client.read(f"rivulet-{codec}", PLAIN + 3)))


def same(found):
    """Of what is read: key, value, timestamp and headers of each."""
    wanted = [(key, value, timestamp_ms, headers) for key, value, timestamp_ms, headers in records()]
    expect(len(found) == len(wanted), f"{len(found)} records instead of {len(wanted)}")
    for got, want in zip(found, wanted):
        expect(got == want, f"{got} instead of {want}")
