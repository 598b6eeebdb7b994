"""The grammar of `ip`: its options, objects and abbreviations, as iproute2 reads them.

`ip link` stands in `parse_link`.  Left out: every object but link, netns and address.
"""

from __future__ import annotations

from .commands import AddrAdd, AddrShow, Command, NetnsAdd, NetnsDel, NetnsShow
from .keywords import IP_OBJECTS, Word, match
from .lexer import Token
from .parse_link import LinkGrammar
from .script_error import ScriptError

__all__ = ["IpGrammar"]

_NETNS_COMMANDS = tuple(
    Word(w)
    for w in (
        "list",
        "show",
        "lst",
        "help",
        "add",
        "set",
        "delete",
        "identify",
        "pids",
        "exec",
        "monitor",
        "list-id",
        "attach",
    )
)
_ADDR_COMMANDS = tuple(
    Word(w)
    for w in (
        "add",
        "change",
        "replace",
        "delete",
        "show",
        "lst",
        "list",
        "flush",
        "save",
        "restore",
        "showdump",
        "help",
    )
)
_GLOBAL = (
    Word("netns"),
    *(
        Word(w, 0)
        for w in ("oneline", "json", "details", "statistics", "brief", "human", "color", "pretty")
    ),
)


class IpGrammar(LinkGrammar):
    """Reads what follows the word `ip`."""

    def read(self) -> Command | list[Token]:
        """One command; for `ip netns exec` the words behind it (self.netns then says where)."""
        self.global_options()
        token = self.r.next("an object: link, netns or address")
        found = match(token.text, IP_OBJECTS)
        if found is None or not found.modelled:
            raise self.r.unknown(
                "object of ip",
                token,
                ("link", "netns", "address"),
                status=1,
                stderr=f'Object "{token.text}" is unknown, try "ip help".',
            )
        return {"link": self.link, "netns": self.netns_object, "address": self.addr}[found.name]()

    def global_options(self) -> None:
        while self.r.peek().startswith("-") and self.r.peek() != "-":
            token = self.r.next("an option")
            word = token.text.lstrip("-")
            word = {
                "s": "statistics",
                "j": "json",
                "d": "details",
                "o": "oneline",
                "br": "brief",
                "n": "netns",
                "p": "pretty",
                "h": "human",
                "c": "color",
            }.get(word, word)
            if word in ("4", "6", "0"):
                continue
            found = match(word, _GLOBAL)
            if found is None:
                raise self.r.unknown(
                    "option of ip",
                    token,
                    [f"-{w.name}" for w in _GLOBAL],
                    stderr=f'Option "{token.text}" is unknown, try "ip -help".',
                )
            if found.values:
                self.netns = self.r.take("the name of a namespace")
            self.json |= found.name == "json"
            self.details |= found.name == "details"

    # -- ip netns --

    def netns_object(self) -> Command | list[Token]:
        if not self.r.more:
            return NetnsShow(**self.place())
        token = self.r.next("add, del or exec")
        found = match(token.text, _NETNS_COMMANDS)
        name = found.name if found else ""
        if name == "add":
            return NetnsAdd(
                name=self.last("a name for the namespace", "No netns name specified"),
                **self.place(),
            )
        if name == "delete":
            if self.r.peek() and not self.r.words[self.r.at + 1 :]:
                return NetnsDel(name=self.r.take("a name"), **self.place())
            return NetnsDel(
                name=self.last("the name of a namespace", "No netns name specified"), **self.place()
            )
        if name == "exec":
            self.netns = self.r.take("the name of a namespace")
            rest = list(self.r.words[self.r.at :])
            if not rest:
                raise self.r.incomplete("a command")
            return rest
        if name in ("list", "show", "lst"):
            return NetnsShow(**self.place())
        raise self.r.unknown(
            "command of ip netns",
            token,
            ("add", "delete", "exec", "list"),
            stderr=f'Command "{token.text}" is unknown, try "ip netns help".',
        )

    def last(self, expected: str, stderr: str) -> str:
        try:
            word = self.r.take(expected)
        except ScriptError as error:
            error.ip_stderr = stderr
            raise
        self.r.finish()
        return word

    # -- ip addr --

    def addr(self) -> Command:
        token = self.r.next("add or show") if self.r.more else None
        found = match(token.text, _ADDR_COMMANDS) if token else Word("show")
        if found is None or found.name not in ("add", "show", "lst", "list"):
            assert token is not None
            raise self.r.unknown(
                "command of ip addr",
                token,
                ("add", "show"),
                stderr=f'Command "{token.text}" is unknown, try "ip address help".',
            )
        address = dev = ""
        while self.r.more:
            word = self.r.next("an address")
            if word.text == "dev":
                dev = self.r.take("a device")
            elif found.name != "add" and not dev:
                dev = word.text
            elif not address:
                address = word.text
            elif word.text in ("nodad", "noprefixroute"):
                continue
            else:
                raise self.r.wrong("unexpected word", word, "dev DEVICE")
        if found.name != "add":
            return AddrShow(dev=dev, **self.place())
        if not dev:
            raise self.r.incomplete("dev DEVICE")
        return AddrAdd(address=address, dev=dev, **self.place())
