"""The grammar of `ip link`, as iplink_parse, iplink_modify and the kinds' parse_opt read it.

Values stay words; only keywords are understood here.  One liberty: a single letter that is no
keyword in full names the device while none is named yet (`ip` takes `a` for `address`).
"""

from __future__ import annotations

from rtnl_model.kernel.documents import Fields

from .commands import Command, LinkAdd, LinkDel, LinkSet, LinkShow, Option, PhysAdd
from .keywords import KERNEL_KINDS, LINK_OPTIONS, Word, match
from .kind_words import KIND_OPTIONS, PEER_KINDS
from .lexer import Token
from .reader import Reader, Rules

__all__ = ["LinkGrammar"]

_LINK_COMMANDS = (
    *(Word(w) for w in ("add", "set", "change", "replace", "delete", "show", "lst", "list")),
    *(Word(w) for w in ("xstats", "afstats", "property", "help")),
)
_PHYS_QUEUES = 1
_TYPE = Word("type")


class LinkGrammar:
    """Reads what follows `ip link`."""

    def __init__(self, reader: Reader, place: Command, rules: Rules) -> None:
        self.r = reader
        self.text, self.line, self.column = place.text, place.line, place.column
        self.netns = place.netns
        self.rules = rules
        self.json = False
        self.details = False

    def link(self) -> Command:
        if not self.r.more:
            return LinkShow(json=self.json, details=self.details, **self.place())
        token = self.r.next("add, del, set or show")
        found = match(token.text, _LINK_COMMANDS)
        name = found.name if found else ""
        if name == "add":
            return self.link_add()
        if name in ("set", "change"):
            options, kind = self.link_options()
            given = self.kind_options(kind, set_form=True) if kind else ()
            return LinkSet(
                options=options,
                kind=kind.text if kind else None,
                kind_options=given,
                **self.place(),
            )
        if name == "delete":
            options, kind = self.link_options()
            self.r.finish()
            return LinkDel(options=options, kind=kind.text if kind else None, **self.place())
        if name in ("show", "lst", "list"):
            if self.r.peek() == "dev":
                self.r.take("dev")
            dev = self.r.take("a device") if self.r.more else ""
            self.r.finish()
            return LinkShow(dev=dev, json=self.json, details=self.details, **self.place())
        raise self.r.unknown(
            "command of ip link",
            token,
            ("add", "delete", "set", "show"),
            stderr=f'Command "{token.text}" is unknown, try "ip link help".',
        )

    def link_add(self) -> Command:
        options, kind = self.link_options()
        if kind is None:
            error = self.r.incomplete("type KIND")
            error.ip_stderr, error.ip_status = (
                'Not enough information: "type" argument is required',
                1,
            )
            raise error
        if kind.text == "phys":
            return self.phys(options, kind)
        peer: list[tuple[Option, ...]] = []
        given = self.kind_options(kind, peer)
        return LinkAdd(
            options=options,
            kind=kind.text,
            kind_options=given,
            peer=peer[0] if peer else None,
            **self.place(),
        )

    def link_options(self, *, type_is: bool = True) -> tuple[tuple[Option, ...], Token | None]:
        """Read `iplink_parse`'s arguments up to and including `type KIND`."""
        options: list[Option] = []
        named = False
        while self.r.more:
            token = self.r.next("an option")
            text = token.text
            found = match(text, LINK_OPTIONS) if not token.quoted else None
            if found and len(text) == 1 and text != found.name and not named:
                found = None
            if (
                type_is
                and text
                and _TYPE.name.startswith(text)
                and not found
                and (len(text) > 1 or named)
            ):
                return tuple(options), self.kind()
            if found is None:
                key = self.device_word(token, options, named=named)
                named = True
                options.append(Option("dev", key))
                continue
            if not found.modelled:
                raise self.r.wrong(
                    "an option that the model does not have",
                    token,
                    "link, address, mtu, netns, up, master, group …",
                    stderr=f'Error: either "dev" is duplicate, or "{text}" is a garbage.',
                )
            value = self.r.take(f"a value for {found.name}") if found.values else ""
            options.append(Option(found.canonical, value, flag=not found.values))
            named |= found.canonical == "name"
        return tuple(options), None

    def device_word(self, token: Token, options: list[Option], *, named: bool) -> str:
        if token.text == "dev":
            token = self.r.next("a device")
        if any(o.key == "dev" for o in options):
            raise self.r.unknown(
                "option of ip link",
                token,
                [w.name for w in LINK_OPTIONS if w.modelled] + ["type"],
                stderr=f'Error: either "dev" is duplicate, or "{token.text}" is a garbage.',
            )
        return token.text

    def kind(self) -> Token:
        token = self.r.next("a kind of device")
        known = {*KIND_OPTIONS, *self.rules.kinds}
        if self.rules.strict and token.text not in known:
            if token.text in KERNEL_KINDS:
                raise self.r.wrong(
                    "a kind that the model has no driver for",
                    token,
                    ", ".join(sorted(known)),
                )
            raise self.r.unknown("kind", token, known, stderr="")
        return token

    def kind_options(
        self, kind: Token, peer: list[tuple[Option, ...]] | None = None, *, set_form: bool = False
    ) -> tuple[Option, ...]:
        table = KIND_OPTIONS.get(kind.text)
        if table is None:
            return self.pairs()
        out: list[Option] = []
        while self.r.more:
            token = self.r.next("an option")
            found = match(token.text, table)
            if found is None or not found.modelled:
                known = [w.name for w in table if w.modelled] or ["the end of the command"]
                raise self.r.unknown(
                    f"option of {kind.text}",
                    token,
                    known,
                    stderr=f'{kind.text}: unknown option "{token.text}"?',
                )
            if found.name == "peer":
                if peer is None or kind.text not in PEER_KINDS:
                    raise self.r.wrong("unexpected word", token, "the end of the command")
                peer.append(self.peer_options(kind))
                break
            values = [self.r.take(f"a value for {found.name}") for _ in range(found.values)]
            out.append(Option(found.canonical, " ".join(values), flag=not values))
        return tuple(out)

    def pairs(self) -> tuple[Option, ...]:
        """Options of a kind that we know nothing of: `KEY VALUE`, at the end perhaps a flag."""
        out: list[Option] = []
        while self.r.more:
            key = self.r.take("an option")
            value = self.r.take("a value") if self.r.more else ""
            out.append(Option(key, value, flag=not value))
        return tuple(out)

    def peer_options(self, kind: Token) -> tuple[Option, ...]:
        """`peer …` takes ip link's own options; a netkit peer has a policy in front of them."""
        policy: list[Option] = []
        while kind.text == "netkit" and self.r.peek() in ("forward", "blackhole", "scrub"):
            word = self.r.take("a policy")
            value = self.r.take("default or none") if word == "scrub" else ""
            policy.append(Option(word, value, flag=not value))
        options, _kind = self.link_options(type_is=False)
        return (*policy, *options)

    def phys(self, options: tuple[Option, ...], kind: Token) -> Command:
        given = {o.key: o.value for o in self.kind_options(kind)}
        names = [o.value for o in options if o.key in ("dev", "name")]
        others = [o.key for o in options if o.key not in ("dev", "name")]
        if not names or others:
            raise self.r.wrong(
                "a physical device takes no other options"
                if others
                else "a physical device without a name",
                kind,
                "ip link add NAME type phys driver NAME queues N",
            )
        queues = given.get("queues", str(_PHYS_QUEUES))
        if not queues.isdigit() or not 1 <= int(queues) <= 1024:
            raise self.r.wrong(f"queues {queues!r} of a physical device", kind, "1 to 1024")
        return PhysAdd(
            id=-1,
            queues=int(queues),
            dev=names[-1],
            renamed=False,
            driver=given.get("driver", "phys"),
            **self.place(),
        )

    def place(self) -> Fields:
        return {"text": self.text, "line": self.line, "column": self.column, "netns": self.netns}
