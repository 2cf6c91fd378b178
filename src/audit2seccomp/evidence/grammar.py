"""The language of docs/records.md in pyparsing, written from the kernel's format strings: what parsers are held to.

Every element has a name, and an alternative is committed to (pyparsing's `-`) once it is certain, so that failing says
what was expected and where. That commitment is also the border between "no SECCOMP record" and "an unsound one": a
failure in front of it is the first, one behind it the second.

No element reads a character more than a bounded number of times: the time is linear in the length of the body.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from audit2seccomp.evidence.model import Parsed, Reject, SeccompRecord
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyparsing import ParseBaseException, ParserElement, ParseResults

_INT32 = range(-(2**31), 2**31)

_ONCE = frozenset({"comm", "exe", "sig", "arch", "syscall", "compat", "ip"})
"""The kernel's own fields in front of `code=`; a record holds each of them at most once."""


class _Field(NamedTuple):
    """One `name=value` of the tail and where it begins; the name is empty where nobody looks at it."""

    name: str
    value: Any
    at: int


class Written(NamedTuple):
    """A field as it stands in a body; the name is empty for a word that is none."""

    name: str
    text: bytes
    at: int
    """Where the name begins."""
    read: bool
    """Whether the field is part of the record's meaning, or is at least held to its form."""


class Explained(NamedTuple):
    """What the grammar makes of a body."""

    verdict: Parsed | Reject
    claims: bool
    """Whether it claims to be a SECCOMP record at all; if not, the verdict says where it stops to."""
    fields: tuple[Written, ...]
    """All of them in order, the opening's stamp included, where the whole form is sound."""


def parse(body: bytes, assume_arch: int | None = None) -> Parsed | Reject | None:
    """Read one record's body: the record, why it is not a sound one, or None where it does not claim to be one.

    `assume_arch` is the AUDIT_ARCH_* number of records without `arch=` (kernels up to 3.16); without it those are
    rejects. Never raises, whatever the bytes.
    """
    explained = explain(body, assume_arch)
    return explained.verdict if explained.claims else None


def explain(body: bytes, assume_arch: int | None = None) -> Explained:
    """Read one record's body and say how; see `parse`."""
    import pyparsing as pp

    text = body.decode("latin-1")  # a byte is a character, so offsets are those of the body
    try:
        found = _body().parse_string(text)
    except pp.ParseFatalException as failure:
        return Explained(_reject(failure), True, ())
    except pp.ParseException as failure:
        return Explained(_reject(failure), False, ())
    try:
        head = _head().parse_string(found["head"])
    except pp.ParseBaseException as failure:
        return Explained(_reject(failure, found["begin"]), True, ())
    return Explained(_checked(found, head, assume_arch), True, tuple(_written(body, found, head)))


def _reject(failure: ParseBaseException, offset: int = 0) -> Reject:
    return Reject(failure.msg[:1].lower() + failure.msg[1:], offset + failure.loc)


def _checked(found: ParseResults, head: ParseResults, assume_arch: int | None) -> Parsed | Reject:
    """What a grammar of single fields cannot say: which of them there must be, and how often."""
    fields: list[_Field] = list(found["fields"])
    end: int = found["end"]
    again = _repeated(fields)
    if again is not None:
        return Reject(f"a second {again.name}=", again.at)
    named = {field.name: field.value for field in fields}
    if "syscall" not in named:
        return Reject("no syscall=", end)
    arch = named.get("arch", assume_arch)
    if arch is None:
        return Reject("no arch=", end)
    if "code" not in found and "arch" in named:
        return Reject("no code= although there is an arch=", end)
    if "code" not in found and fields[-1].name == "syscall":
        return Reject("nothing behind syscall=, which may have been cut", fields[-1].at)
    record = SeccompRecord(
        millis=int(found["seconds"] + found["millis"]) if "serial" in found else None,
        serial=int(found["serial"]) if "serial" in found else None,
        arch=arch,
        nr=named["syscall"],
        code=int(found["code"]) if "code" in found else None,
        pid=int(head["pid"]) if "pid" in head else None,
        uid=int(head["uid"]) if "uid" in head else None,
        comm=named["comm"],
        exe=named.get("exe"),
        subj=head["subj"].encode("latin-1") if "subj" in head else None,
    )
    return Parsed(record, end)


def _repeated(fields: Iterable[_Field]) -> _Field | None:
    seen: set[str] = set()
    for field in fields:
        if field.name in seen:
            return field
        seen.update({field.name} & _ONCE)
    return None


def _written(body: bytes, found: ParseResults, head: ParseResults) -> Iterator[Written]:
    """All fields of a body of sound form."""
    begin: int = found["begin"]
    opening = re.fullmatch(rb"type=(.*?) (?:msg=)?audit\((.*)\): ", body[:begin])
    if opening is not None:
        yield Written("type", opening[1], 0, read=True)
        yield Written("audit", opening[2], opening.start(2) - len("audit("), read=True)
    head_end: int = found["comm_at"]
    if "subj" in head:
        label_at, run_at = begin + head["label_at"], begin + head["run_at"]
        yield from _words(body[begin:label_at], begin, {"uid"})
        yield Written("subj", body[label_at + len("subj=") : run_at - 1], label_at, read=True)
        yield from _words(body[run_at:head_end], run_at, {"pid"})
    else:
        yield from _words(body[begin:head_end], begin, {"uid", "pid"})
    fields: list[_Field] = list(found["fields"])
    last_end: int = found["code_at"] - len(" code=") if "code" in found else found["end"]
    for field, end in zip(fields, [*(after.at - 1 for after in fields[1:]), last_end], strict=True):
        name, _, text = body[field.at : end].partition(b"=")
        yield Written(name.decode("ascii"), text, field.at, read=bool(field.name))
    if "code" in found:
        yield Written("code", body[found["code_at"] : found["end"]], last_end + 1, read=True)


def _words(text: bytes, at: int, read: set[str]) -> Iterator[Written]:
    """The words of a part of the head that begins at an offset; the first of each name in `read` is read."""
    for word in text.split(b" "):
        name, equals, value = word.partition(b"=")
        known = name.decode("ascii") if equals and re.fullmatch(rb"[a-z_]+", name) else ""
        if word:
            yield Written(known, value if known else word, at, known in read)
            read.discard(known)
        at += len(word) + 1


@cache
def _body() -> ParserElement:
    """A body: `seconds`, `millis`, `serial` of the stamp; the head from `begin` to `comm_at`; `fields`; `code`, which
    starts at `code_at`; `end`."""
    import pyparsing as pp

    # Greedy, so that it ends in front of the last `comm=` that a blank or the opening stands before.
    head = pp.Regex(r"(?s)(?:.* )?(?=comm=)").set_name("comm= behind a blank")
    record = _opening() - _here("begin") - head("head") - _here("comm_at") - _tail()
    return record.set_name("SECCOMP record").leave_whitespace().parse_with_tabs()


def _here(name: str) -> ParserElement:
    """The place it stands at, under that name."""
    import pyparsing as pp

    return pp.Empty().set_parse_action(lambda _, at, __: at).set_name(name)(name)


def _opening() -> ParserElement:
    import pyparsing as pp

    # audit_log_abend(ab, "seccomp", signr) in kernels 3.2 to 3.8:
    #   audit_log_format(ab, " reason=");  audit_log_string(ab, reason);
    because = pp.FollowedBy(pp.Regex(r'(?s).*? reason="seccomp"')).set_name('reason="seccomp"')
    word = (
        # kauditd_printk_skb():  pr_notice("type=%d %s\n", nlh->nlmsg_type, data)
        pp.Literal("type=1326 audit(")
        | pp.Literal("type=1701 audit(") + because
        # auditd, format_raw():  "type=%s msg=%.*s", or "type=UNKNOWN[%d] msg=%.*s" where it has no name for the type
        | pp.Literal("type=SECCOMP msg=audit(")
        | pp.Literal("type=UNKNOWN[1326] msg=audit(")
        | pp.Literal("type=ANOM_ABEND msg=audit(") + because
    )
    # audit_log_start():  audit_log_format(ab, "audit(%llu.%03lu:%u): ", t.tv_sec, t.tv_nsec / 1000000, serial)
    stamp = (
        pp.Regex(r"[0-9]{1,20}").set_name("seconds")("seconds")
        - pp.Suppress(".").set_name("'.' and the milliseconds")
        - pp.Regex(r"[0-9]{3}").set_name("milliseconds in three digits")("millis")
        - pp.Suppress(":").set_name("':' and the serial")
        - pp.Regex(r"[0-9]{1,20}").set_name("serial")("serial")
        - pp.Suppress("): ").set_name("'): ' behind the stamp")
    )
    # journald, process_audit_string():  strjoina("MESSAGE=", type_name, " ", p), where p points behind the stamp
    return (pp.Suppress(word) - stamp | pp.Suppress("SECCOMP ")).set_name("opening of a SECCOMP record")


def _tail() -> ParserElement:
    import pyparsing as pp

    blank = pp.Suppress(" ").set_name("blank")
    end = _here("end")
    rest = end + pp.Suppress(pp.Regex(r"[ \t\r]*\Z").set_name("end of the line"))
    # audit_seccomp():  audit_log_format(ab, " ... code=0x%x", ..., code)
    # Behind it may stand auditd's enrichment (0x1d, AUID="..."), whose separator is lost at times.
    code = pp.Regex(r"0x[0-9a-f]{1,8}(?=\Z|[^A-Za-z0-9_]|AUID=)").set_name("0x and 1 to 8 lower-case hex digits")
    code.add_parse_action(lambda found: int(found[0], 16))
    last = blank + pp.Suppress("code=")
    comm, other = _fields()
    fields = pp.Group(comm + pp.ZeroOrMore(~(last | rest) + blank - other)).set_name("fields")
    ending = last - _here("code_at") - code("code") - end | rest
    return fields("fields") - ending.set_name("a blank and the next field, or the end of the line")


def _fields() -> tuple[ParserElement, ParserElement]:
    """`comm=`, which opens the tail, and any one field that may follow but `code=`."""
    import pyparsing as pp

    # audit_log_untrustedstring():  audit_log_n_hex() where a byte is '"' or < 0x21 or > 0x7e, else
    # audit_log_n_string(), which puts the string between quotes
    quoted = pp.Suppress('"') - pp.Regex(r"[!#-~]*").set_name("text") - pp.Suppress('"').set_name("closing quote")
    quoted.add_parse_action(lambda found: found[0].encode("ascii"))
    encoded = pp.Regex(r"(?:[0-9A-F]{2})+").add_parse_action(lambda found: bytes.fromhex(found[0]))
    string = (quoted | encoded).set_name("quoted text or pairs of upper-case hex digits")
    unknown = pp.Literal("(null)").add_parse_action(lambda: [None])
    decimal = pp.Regex(r"-?[0-9]{1,10}").add_parse_action(lambda found: int(found[0]))
    decimal.set_name("1 to 10 digits")
    number = decimal.copy().add_condition(lambda found: found[0] in _INT32, message="a number of 32 bits", fatal=True)
    digits = pp.Regex(r"[0-9a-f]{1,8}").add_parse_action(lambda found: int(found[0], 16))
    digits.set_name("1 to 8 lower-case hex digits")
    address = pp.Regex(r"0x[0-9a-f]{1,16}").set_name("0x and 1 to 16 lower-case hex digits")

    def field(name: str, value: ParserElement) -> ParserElement:
        whole = pp.Suppress(f"{name}=").set_name(f"{name}=") - value
        return whole.add_parse_action(lambda _, at, found: _Field(name, found[0], at)).set_name(f"{name}=")

    # audit_log_task():  audit_log_format(ab, " comm=");  audit_log_untrustedstring(ab, get_task_comm(comm, current));
    comm = field("comm", string)
    # audit_log_d_path_exe():  audit_log_d_path(ab, " exe=", &exe_file->f_path), or audit_log_format(ab, " exe=(null)")
    exe = field("exe", (string | unknown).set_name("quoted text, pairs of upper-case hex digits or (null)"))
    # audit_seccomp():  audit_log_format(ab, " sig=%ld arch=%x syscall=%ld compat=%d ip=0x%lx code=0x%x", ...)
    sig, arch, syscall = field("sig", decimal), field("arch", digits), field("syscall", number)
    compat, ip = field("compat", decimal), field("ip", address)
    foreign = pp.Regex(r"[a-z_]+=[!-~]*").add_parse_action(lambda _, at, found: _Field("", found[0], at))
    return comm, (exe | sig | arch | syscall | compat | ip | foreign).set_name("a field")


@cache
def _head() -> ParserElement:
    """The words between the opening and the tail: `uid`, `pid` and `subj` where they have them; with `subj`, `label_at`
    is where the label begins and `run_at` what stands behind it."""
    import pyparsing as pp

    def words(*but: str) -> ParserElement:
        """Any words in a row that begin with none of those."""
        barred = "".join(f"(?!{start})" for start in but)
        return pp.Suppress(pp.Regex(rf"(?:{barred}[^ ]* )*")).set_name("words")

    blank = pp.Suppress(" ").set_name("blank")
    # audit_log_task():  audit_log_format(ab, "auid=%u uid=%u gid=%u ses=%u", ...);  audit_log_task_context(ab);
    #                    audit_log_format(ab, " pid=%d comm=", task_tgid_nr(current));
    uid = pp.Suppress("uid=") - pp.Regex(r"[0-9]{1,10}").set_name("1 to 10 digits")("uid") - blank
    pid = pp.Suppress("pid=") - pp.Regex(r"-?[0-9]{1,10}").set_name("1 to 10 digits")("pid") - blank
    # Without a label there is one comm=, and it is behind the head; a second one is that of a torn line.
    either = uid + words("pid=", "comm=") + pp.Opt(pid) | pid + words("uid=", "comm=") + pp.Opt(uid)
    plain = words("uid=", "pid=", "comm=") + pp.Opt(either) + words("comm=")
    # audit_log_task_context():  audit_log_format(ab, " subj=%s", ctx).  AppArmor's begin with "=" and may hold blanks;
    # some kernels write ppid= beside pid=. The label takes word after word, and leaves the run of these at the end.
    number = pp.Regex(r"p?pid=-?[0-9]{1,10} ").set_name("pid= or ppid=")
    onward = pp.ZeroOrMore(number) + pp.Regex(r"[^ ]* ")
    label = pp.original_text_for(pp.Regex(r"[^ ]* ") + pp.ZeroOrMore(onward)).set_name("label")
    label.add_parse_action(lambda found: found[0][:-1].removeprefix("="))
    run = pp.ZeroOrMore(pp.Regex(r"ppid=-?[0-9]{1,10} ").suppress()) + pp.Opt(pid + pp.ZeroOrMore(number))
    label = _here("label_at") + pp.Suppress("subj=") - label("subj") - _here("run_at")
    labelled = words("subj=", "uid=") + pp.Opt(uid + words("subj=")) + label - run
    torn = pp.Regex(r"(?s).*?audit\(").set_name("a second record")
    head = ~torn + (labelled | plain) + pp.Suppress(pp.Regex(r"\Z")).set_name("end of the head")
    return head.set_name("head").leave_whitespace().parse_with_tabs()
