"""How Kubernetes' objects are written: their names, and YAML that looks the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from audit2seccomp.errors import UsageError, shown

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_PLAIN = re.compile(r"(?![yYnN]$)[A-Za-z_/][A-Za-z0-9_./:+-]*")
_ENDLESS = 1 << 30


class Block(str):
    """Text that is written as it stands, in lines of its own."""

    __slots__ = ()


def object_name(name: str) -> str:
    """The name of an object. Raises UsageError if it is no DNS label (RFC 1123), which fits into every field."""
    if not _LABEL.fullmatch(name):
        raise UsageError(f"--name: {shown(name)}: 1 to 63 of a-z, 0-9 and -, with - neither first nor last")
    return name


def to_yaml(document: Mapping[str, object]) -> str:
    """A document, with its keys in their order. The same document always gives the same text: PyYAML's own writer is
    used, which breaks lines otherwise than libyaml's."""
    return yaml.dump(
        dict(document),
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=_ENDLESS,
    )


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """What stands twice is written twice."""
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        """Only words stand without quotes: versions of YAML differ in what else is a number or a truth value."""
        style = None if _PLAIN.fullmatch(data) else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    def block(self, data: Block) -> yaml.ScalarNode:
        """In lines of their own."""
        return self.represent_scalar("tag:yaml.org,2002:str", str(data), style="|")


_Dumper.add_representer(str, _Dumper.text)
_Dumper.add_representer(Block, _Dumper.block)
