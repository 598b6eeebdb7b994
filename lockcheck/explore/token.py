"""Tokens: one line that repeats a schedule, anywhere, with nothing else.

    v1/0x12.1x16/eJyrVkrOz0lVslIyNFTSUVAqLU4tAvFqAQ…/9c1f20aa

Version, schedule (`schedule.py`), everything else compressed (what was run with which parameters,
which lock classes have points at their releases, a checksum of the operations up to the end of each
segment and of the whole run), and a CRC of the line.  A token over 600 characters is written to a
file; the file is accepted wherever the token is, and may list every operation, so that a divergence
is shown exactly.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass, field
from typing import Final

from lockcheck.core.document import Json
from lockcheck.documents import DocumentError, MalformedError, check, json_value
from lockcheck.documents.shape import TEXT, List, Object, Pattern, Row
from lockcheck.documents.shapes import TOKEN_FILE
from lockcheck.explore import schedule

__all__ = ["LONGEST", "Token", "TokenError"]

LONGEST: Final = 600
VERSION: Final = "v1"
PARAMETERS_MAX: Final = 1 << 22
"""Bytes of what is run; a script has at most a million characters."""
_PAYLOAD: Final = Row(
    {"s": Object(), "k": Pattern("(?:[0-9a-f]{4})*", "checksums of four hexadecimal digits")},
    {"o": List(TEXT)},
)

_SAMPLE: Final = (
    b'{"k":"","o":["rtnl_mutex"],"s":{"kind":"rtnl","script":"ip netns add ns1\\n'
    b"ip netns add ns2\\n"
    b"ip -n ns1 link add veth0 type veth peer name veth1 netns ns2\\nip link set up\\n"
    b"ip link add link ipvl0 type ipvlan\\nip -n ns1 link del veth0 & ip netns del ns2 & wait\\n"
    b'","regime":"small","workers":"netns","cpus":2,"bugs":[],"strict":"converted","timing":"zero"}}'
    b'{"kind":"function","file":"","function":"","races":true}'
)
"""Preset dictionary: words that most tokens have, so that short ones stay short."""


class TokenError(ValueError):
    """This is no token that this version can repeat."""


@dataclass(frozen=True, slots=True)
class Token:
    """A schedule and what it is a schedule of."""

    subject: Json
    """As `Subject.describe()` gave it."""
    record: tuple[int, ...]
    """Choices; the default goes on where they end."""
    checks: tuple[int, ...]
    """16-bit checksums of the operations: at the end of each segment, then of the whole run."""
    observed: tuple[str, ...] = ()
    ops: tuple[str, ...] = field(default=(), compare=False)
    """Every operation in words; only in files."""

    def __str__(self) -> str:
        payload = {"s": self.subject, "k": "".join(f"{check:04x}" for check in self.checks)}
        if self.observed:
            payload["o"] = sorted(self.observed)
        plain = json.dumps(payload, separators=(",", ":"), sort_keys=True).encode()
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=_SAMPLE)
        packed = squeeze.compress(plain) + squeeze.flush()
        body = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
        line = f"{VERSION}/{schedule.encode(self.record)}/{body}"
        return f"{line}/{zlib.crc32(line.encode()):08x}"

    @classmethod
    def parse(cls, text: str) -> Token:
        """Read a token, or the text of a token file.  Raises: TokenError."""
        text = text.strip()
        ops: tuple[str, ...] = ()
        if text.startswith("{"):
            text, ops = _from_file(text)
        parts = text.split("/")
        if len(parts) != 4 or parts[0] != VERSION:
            raise TokenError(f"a token looks like {VERSION}/0x12.1x16/…/9c1f20aa")
        line, crc = text.rpartition("/")[::2]
        if f"{zlib.crc32(line.encode()):08x}" != crc:
            raise TokenError("the token's checksum is wrong: it was cut or changed on the way")
        try:
            payload = _unpack(parts[2])
            check(payload, _PAYLOAD, "the token")
            checks = payload["k"]
            return cls(
                dict(payload["s"]),
                tuple(schedule.decode(parts[1])),
                tuple(int(checks[i : i + 4], 16) for i in range(0, len(checks), 4)),
                tuple(payload.get("o", ())),
                ops,
            )
        except (ValueError, zlib.error) as error:
            raise TokenError(f"not a token of this version: {error}") from error

    def to_file(self) -> str:
        """Return the text of a token file."""
        document = {"schema": "lockcheck/token/1", "token": str(self), "ops": list(self.ops)}
        return json.dumps(document, indent=1) + "\n"


def _from_file(text: str) -> tuple[str, tuple[str, ...]]:
    try:
        document = json_value(text, "the token file")
        check(document, TOKEN_FILE)
    except (DocumentError, MalformedError) as error:
        raise TokenError(f"not a token file: {error}") from error
    assert isinstance(document, dict), "checked against TOKEN_FILE"
    return document["token"].strip(), tuple(document.get("ops", ()))


def _unpack(body: str) -> Json:
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise TokenError(f"not a token: {error}") from error
    loosen = zlib.decompressobj(-15, zdict=_SAMPLE)
    plain = loosen.decompress(packed, PARAMETERS_MAX)
    if loosen.unconsumed_tail:
        raise TokenError(f"not a token: its parameters have more than {PARAMETERS_MAX} bytes")
    payload = json_value(plain.decode(), "the token's parameters")
    if not isinstance(payload, dict):
        raise TokenError("not a token: no parameters in it")
    return payload
