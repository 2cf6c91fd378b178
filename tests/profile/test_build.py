"""From evidence and choices to a profile whose names all have a reason."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

import audit2seccomp
from audit2seccomp.errors import Audit2SeccompError, ConflictError, NothingFoundError, UsageError
from audit2seccomp.evidence.model import Evidence
from audit2seccomp.profile.build import Built, build
from audit2seccomp.profile.building.bases import Base
from audit2seccomp.profile.building.reasons import MAX_PROGRAMS, Source, explained
from audit2seccomp.profile.model import ArchMapping, ArgCondition, Clause, Operator, Profile, Rule, RuleAction
from tests.cli.command import line
from tests.observed import seen
from tests.profile.profiles import profiles

ALLOW, ERRNO = RuleAction.ALLOW, RuleAction.ERRNO
X86_64, AARCH64, X86, X32 = (f"SCMP_ARCH_{name}" for name in ("X86_64", "AARCH64", "X86", "X32"))
CONDITION = ArgCondition(0, Operator.EQ, 1)


def names(built: Built) -> set[str]:
    """All that the profile names."""
    return {name for rule in built.profile.rules for name in rule.names}


def why(built: Built, name: str) -> str:
    """Its reasons."""
    return explained(built.reasons[name])


def base(*rules: Rule, label: str = "base b.json", archs: Sequence[str] = (X86_64,)) -> Base:
    """A profile whose default is EPERM."""
    return Base(label, Profile(ERRNO, 1, tuple(archs), rules))


class TestObserved:
    """What was seen, and who made it."""

    def test_programs_by_how_often(self) -> None:
        evidence = seen("read", times=2).merge(seen("read", comm="httpd", times=10)).merge(seen("close"))
        built = build(evidence)
        assert built.profile.rules == (Rule(("close", "read"), ALLOW),)
        assert why(built, "read") == "observed 12 times: httpd (10), nginx (2)"
        assert why(built, "close") == "observed once: nginx (1)"

    def test_one_name_on_two_architectures(self) -> None:
        built = build(seen("read").merge(seen("read", arch="aarch64")))
        assert why(built, "read") == "observed 2 times: nginx (2)"

    def test_many_programs_and_strange_names(self) -> None:
        evidence = Evidence()
        for index in range(MAX_PROGRAMS + 2):
            evidence = evidence.merge(seen("read", comm=f"p{index}"))
        assert why(build(evidence), "read").endswith("p4 (1) and 2 more")
        evidence = seen("read", comm="\x1b[2J\u202e" + "x" * 300)
        assert why(build(evidence), "read").startswith("observed once: \\x1b[2J\\u202exxx")
        assert len(why(build(evidence), "read")) < 120

    def test_what_another_record_counts(self) -> None:
        two = seen("read", comm="copy", times=0).merge(seen("read", "close"))
        assert why(build(two), "read") == "observed once: nginx (1)"
        assert why(build(seen("read", times=0)), "read") == "observed, with the stamp of another record"

    def test_nobody_says_who(self) -> None:
        assert why(build(seen("read").by_call()), "read") == "observed once"


class TestRuntime:
    """--runtime."""

    def test_is_added_only_when_asked_for(self) -> None:
        assert names(build(seen("exit_group"))) == {"exit_group"}
        built = build(seen("exit_group", "close"), runtimes=["crun:nnp"])
        assert {"close", "execve", "close_range", "exit_group"} <= names(built)
        assert why(built, "close") == "observed once: nginx (1); runtime crun"

    def test_where_a_call_has_another_name(self) -> None:
        assert "fstatat64" not in names(build(seen("read"), runtimes=["runc"]))
        built = build(seen("read"), runtimes=["runc"], architectures=["x86"])
        assert why(built, "fstatat64") == "runtime runc, without noNewPrivileges (newfstatat elsewhere)"
        assert "mmap2" in names(build(seen("read", arch="arm"), runtimes=["runc"]))


class TestPortable:
    """--portable."""

    def test_siblings_of_what_was_observed(self) -> None:
        built = build(seen("openat"), portable="A")
        assert names(built) == {"openat", "open", "creat"}
        assert why(built, "open").startswith("sibling of openat: open() is openat in glibc")
        assert names(build(seen("openat"), portable="B")) == {"openat", "open", "creat", "openat2"}

    def test_not_of_what_was_added(self) -> None:
        built = build(seen("read"), portable="A", allow=["openat"], runtimes=["crun:nnp"])
        assert "creat" not in names(built)
        assert names(build(seen("rmdir"), portable="A")) == {"rmdir", "unlinkat"}

    def test_what_has_no_number_is_not_added(self) -> None:
        assert names(build(seen("openat", arch="aarch64"), portable="A")) == {"openat"}
        on_both = build(seen("openat", arch="aarch64"), portable="A", architectures=["x86_64"])
        assert names(on_both) == {"openat", "open", "creat"}

    def test_several_lead_to_one(self) -> None:
        built = build(seen("stat", "lstat"), portable="A")
        assert "sibling of lstat, stat: stat() is newfstatat in glibc" in why(built, "newfstatat")

    def test_what_was_observed_is_no_sibling(self) -> None:
        assert why(build(seen("open", "openat"), portable="A"), "open") == "observed once: nginx (1)"

    def test_other_tiers(self) -> None:
        with pytest.raises(UsageError, match="no tier 'C'"):
            build(seen("read"), portable="C")


class TestAllowAndNever:
    """--allow, --never, --drop-never."""

    def test_allow(self) -> None:
        built = build(seen("read"), allow=["ptrace,mount", "read"])
        assert names(built) == {"mount", "ptrace", "read"}
        assert why(built, "ptrace") == "--allow"
        assert why(built, "read") == "observed once: nginx (1); --allow"

    def test_allow_without_a_number_is_said(self) -> None:
        built = build(seen("read", arch="aarch64"), allow=["open"])
        assert built.notes == ("--allow: without a number on any architecture of the profile: open",)

    @pytest.mark.parametrize("option", ["allow", "never"])
    def test_misspelt(self, option: str) -> None:
        with pytest.raises(UsageError, match=f"--{option}: no system call 'opneat': did you mean openat"):
            build(seen("read"), **{option: ["read,opneat"]})  # type: ignore[arg-type]

    def test_never_that_was_observed(self) -> None:
        evidence = seen("read", "ptrace", "mount", times=3)
        with pytest.raises(ConflictError) as error:
            build(evidence, never=["ptrace,mount,bpf"])
        said = str(error.value)
        assert "mount (observed 3 times: nginx (3)); ptrace (observed 3 times: nginx (3))" in said
        assert "--drop-never" in said
        built = build(evidence, never=["ptrace,mount"], drop_never=True)
        assert names(built) == {"read"}
        assert "ptrace (observed 3 times: nginx (3))" in built.notes[0]

    def test_a_denied_call_is_not_observed(self) -> None:
        evidence = audit2seccomp.read([line(0), line(101, code="0x50001")])
        assert names(build(evidence, never=["ptrace"])) == {"read"}
        with pytest.raises(ConflictError):
            build(evidence, never=["ptrace"], include_denied=True)

    def test_never_beats_what_is_added(self) -> None:
        built = build(seen("openat"), never=["open", "capset"], runtimes=["crun"], portable="A")
        assert names(built).isdisjoint({"open", "capset"})
        (note,) = built.notes
        assert note.startswith("--never: not added: capset (runtime crun, without noNewPrivileges); open (sibling of")

    def test_what_is_dropped_has_no_siblings(self) -> None:
        built = build(seen("openat", "read"), never=["openat"], drop_never=True, portable="A")
        assert names(built) == {"read", "readv"}

    def test_never_and_calls_through_another(self) -> None:
        built = build(seen("socketcall", "ipc", arch="x86"), never=["socket,bind", "ptrace"])
        told = "through socketcall, which is allowed: --never socketcall too"
        assert built.notes == (f"--never: programs of x86 can make bind, socket {told}",)
        on_both = build(seen("socketcall", arch="s390x").merge(seen("read")), architectures=["s390"], never=["socket"])
        assert on_both.notes == (f"--never: programs of s390, s390x can make socket {told}",)

    @pytest.mark.parametrize("architectures", [[], ["x86"]])
    def test_never_and_an_architecture_without_such_calls(self, architectures: list[str]) -> None:
        built = build(seen("read"), never=["socket"], allow=["socketcall"], architectures=architectures)
        assert any("through socketcall" in note for note in built.notes) == bool(architectures)
        both = build(seen("read"), never=["socket", "socketcall"], architectures=architectures)
        assert both.notes == ()

    def test_never_and_what_is_let_through_another(self) -> None:
        only = Rule(("socketcall",), ALLOW, (ArgCondition(0, Operator.GT, 2), ArgCondition(1, Operator.EQ, 7)))
        given = [base(only, archs=[X86])]
        assert build(seen("read", arch="x86"), bases=given, never=["socket", "bind"]).notes == ()
        (note,) = build(seen("read", arch="x86"), bases=given, never=["socket", "connect"]).notes
        assert note.startswith("--never: programs of x86 can make connect through socketcall")

    def test_nothing_is_left(self) -> None:
        with pytest.raises(NothingFoundError, match="--never leaves none"):
            build(seen("read"), never=["read"], drop_never=True)

    @pytest.mark.parametrize(
        ("choices", "said"),
        [
            ({"allow": ["read"], "never": ["read"]}, "both name read"),
            ({"drop_never": True}, "--drop-never"),
            ({"never": ["read"], "default_action": RuleAction.LOG}, "lets every call through"),
            ({"allow": ["read"], "action": RuleAction.KILL}, "allows none"),
            ({"runtimes": ["runc"], "action": RuleAction.KILL}, "allows none"),
        ],
    )
    def test_contradictions(self, choices: dict[str, object], said: str) -> None:
        with pytest.raises(UsageError, match=said):
            build(Evidence(), **choices)  # type: ignore[arg-type]


class TestBase:
    """--base."""

    def test_all_that_it_says_is_kept(self) -> None:
        rules = (
            Rule(("read", "close"), ALLOW, comment="mine"),
            Rule(("clone",), ALLOW, (CONDITION,)),
            Rule(("bpf",), RuleAction.NOTIFY),
            Rule(("clone3",), ERRNO, errno=38),
        )
        given = Base("base b.json", Profile(ERRNO, 1, (X86_64,), rules, flags=("SECCOMP_FILTER_FLAG_LOG",)))
        built = build(seen("read", "write"), bases=[given])
        assert built.profile == given.profile._replace(rules=(*rules, Rule(("write",), ALLOW)))
        assert built.added == ("write",)
        assert why(built, "read") == "observed once: nginx (1); base b.json"
        assert why(built, "clone") == "base b.json, under conditions"
        assert why(built, "bpf") == "base b.json: SCMP_ACT_NOTIFY"

    def test_a_condition_is_widened_and_that_is_said(self) -> None:
        built = build(seen("clone"), bases=[base(Rule(("clone",), ALLOW, (CONDITION,)))])
        assert built.added == ("clone",)
        assert "base b.json: allows clone under conditions, the result always" in built.notes[0]

    @pytest.mark.parametrize("args", [(), (CONDITION,)])
    def test_what_it_denies_was_observed(self, args: tuple[ArgCondition, ...]) -> None:
        given = base(Rule(("clone3",), ERRNO, args, errno=38))
        with pytest.raises(ConflictError, match=r"denies what should be allowed: clone3 \(observed once: nginx"):
            build(seen("clone3"), bases=[given])
        built = build(seen("clone3", "read"), bases=[given], never=["clone3"], drop_never=True)
        assert built.added == ("read",)

    def test_what_it_denies_was_asked_for(self) -> None:
        given = [base(Rule(("clone3", "bpf"), ERRNO))]
        with pytest.raises(ConflictError) as error:
            build(seen("read"), bases=given, allow=["bpf"])
        told = "base b.json: denies what should be allowed: bpf (--allow): change that file, or take it out of --allow"
        assert str(error.value) == told
        with pytest.raises(ConflictError) as error:
            build(seen("clone3"), bases=given, allow=["bpf"])
        assert str(error.value) == (
            f"{told}; and it denies what should be allowed: clone3 (observed once: nginx (1)): change that file, or "
            "leave the call out: --never NAME --drop-never"
        )

    @pytest.mark.parametrize("in_place", [False, True])
    def test_what_it_allows_and_denies_under_conditions(self, in_place: bool) -> None:
        # So containers/common speaks of socket: no netlink for audit without CAP_AUDIT_WRITE.
        mixed = Rule(("socket",), ERRNO, (CONDITION,)), Rule(("socket",), ALLOW, (CONDITION._replace(value=2),))
        for rules in (mixed, mixed[::-1]):
            given = [base(*rules)._replace(in_place=in_place)]
            built = build(seen("socket", "read"), bases=given)
            assert built.added == ("read",)
            assert "allows socket under conditions and denies it under others: left as it is" in built.notes[0]
            with pytest.raises(ConflictError, match=r"socket \(observed once: nginx \(1\); --allow\)"):
                build(seen("socket"), allow=["socket"], bases=given)

    def test_what_it_denies_would_be_added(self) -> None:
        built = build(seen("read"), bases=[base(Rule(("capset",), ERRNO))], runtimes=["crun"])
        assert "capset" not in built.added
        assert "base b.json: denies capset (runtime crun, without noNewPrivileges): left as it is" in built.notes

    def test_what_it_hands_on(self) -> None:
        built = build(seen("mount", "read"), bases=[base(Rule(("mount",), RuleAction.NOTIFY))])
        assert built.added == ("read",)
        assert built.notes == ("base b.json: hands mount on to a tracer or listener: left as it is",)

    def test_its_default(self) -> None:
        given = [base(Rule(("read",), ALLOW))]
        assert build(seen("write"), bases=given).profile.default_errno == 1
        assert build(seen("write"), bases=given, errno=1, default_action=ERRNO).profile.default_errno == 1
        with pytest.raises(UsageError, match=r"--errno: base b\.json has another default, SCMP_ACT_ERRNO \(EPERM\)"):
            build(Evidence(), bases=given, errno=38)
        with pytest.raises(UsageError, match=r"--default-action: base b\.json has another"):
            build(Evidence(), bases=given, default_action=RuleAction.KILL)

    def test_a_default_that_lets_all_through(self) -> None:
        given = Base("base b.json", Profile(RuleAction.ALLOW, None, (X86_64,), (Rule(("bpf",), ERRNO),)))
        with pytest.raises(UsageError) as error:
            build(Evidence(), bases=[given])
        assert str(error.value) == (
            "base b.json: SCMP_ACT_ALLOW is its default action, so nothing can be added: what its rules deny must be "
            "taken out of them by hand: audit2seccomp check tells which recorded calls that is"
        )

    def test_never_and_what_it_allows(self) -> None:
        given = [base(Rule(("mount", "read"), ALLOW), Rule(("mount",), ALLOW, (CONDITION,)))]
        with pytest.raises(UsageError, match=r"base b\.json allows mount: --drop-never"):
            build(Evidence(), bases=given, never=["mount"])
        built = build(seen("write"), bases=given, never=["mount"], drop_never=True)
        assert names(built) == {"read", "write"}
        assert built.notes == ("--never: taken out of what is built on: mount",)

    @pytest.mark.parametrize("in_place", [False, True])
    def test_the_log_answers_which_architecture(self, in_place: bool) -> None:
        # arch_prctl of containers/common.
        mapped = Profile(ERRNO, 1, (), (), arch_map=(ArchMapping(X86_64, (X86, X32)), ArchMapping(AARCH64, ())))
        amd64 = Rule(("arch_prctl", "read"), ALLOW, includes=Clause(arches=("amd64",)))
        given = [Base("base b.json", mapped._replace(rules=(amd64,)), in_place)]
        built = build(seen("arch_prctl").merge(seen("arch_prctl", arch="x86")), bases=given)
        assert (built.added, built.notes) == ((), ())
        built = build(seen("read").merge(seen("read", arch="aarch64")), bases=given)
        assert built.added == ("read",)
        assert built.notes == ("base b.json: allows read on some architectures only, the result on all",)
        denied = Rule(("arch_prctl",), ERRNO, excludes=Clause(arches=("amd64",)))
        built = build(seen("arch_prctl"), bases=[given[0]._replace(profile=mapped._replace(rules=(amd64, denied)))])
        assert (built.added, built.notes) == ((), ())

    def test_the_log_does_not_answer_on_which_of_two_kernels(self) -> None:
        rule = Rule(("read",), ALLOW, includes=Clause(arches=("amd64",)))
        built = build(seen("read", arch="x86"), bases=[base(rule, archs=[X86, X86_64])])
        assert built.notes[0].endswith("(a log does not tell the host's architecture)")
        assert build(seen("read"), bases=[base(rule, archs=[X86, X86_64])]).added == ()
        assert build(seen("read"), bases=[base(rule, archs=[X86_64, AARCH64])]).added == ()

    @pytest.mark.parametrize(
        ("rule", "untold"),
        [
            (Rule(("read",), ALLOW, (CONDITION,)), "arguments"),
            (Rule(("read",), ALLOW, includes=Clause(caps=("CAP_BPF",))), "capabilities"),
            (Rule(("read",), ALLOW, includes=Clause(min_kernel="4.8")), "the kernel's version"),
            (Rule(("read",), ALLOW, excludes=Clause(extra=(("x", "1"),))), "what unknown keys mean"),
            (Rule(("read",), ALLOW, (CONDITION,), excludes=Clause(caps=("CAP_BPF",))), "arguments or capabilities"),
            (Rule(("read",), ALLOW, (CONDITION,), includes=Clause(arches=("amd64",))), "arguments"),
        ],
    )
    def test_why_a_log_does_not_answer(self, rule: Rule, untold: str) -> None:
        built = build(seen("read"), bases=[base(rule)])
        told = f"allows read under conditions, the result always (a log does not tell {untold})"
        assert built.notes == (f"base b.json: {told}",)

    def test_architectures_of_both(self) -> None:
        built = build(seen("read", arch="aarch64"), bases=[base(Rule(("read",), ALLOW), archs=[X86, X86_64])])
        assert built.profile.architectures == (X86, X86_64, AARCH64)
        assert built.notes == ("base b.json: its rules hold on SCMP_ARCH_AARCH64, too, which it does not list",)

    def test_architectures_of_a_base_that_lists_none(self) -> None:
        given = [base(Rule(("read",), ALLOW), archs=[])]
        assert build(seen("read"), bases=given).notes == ()
        (note,) = build(seen("read"), bases=given, architectures=["x86"]).notes
        assert (
            "its rules hold on SCMP_ARCH_X86, SCMP_ARCH_X86_64, too, which it does not list, as it lists none" in note
        )

    def test_an_arch_map_grows_under_its_host(self) -> None:
        mapped = Profile(ERRNO, 1, (), (), arch_map=(ArchMapping(X86_64, (X86,)),))
        evidence = seen("read", arch="x32").merge(seen("read", arch="aarch64")).merge(seen("read", arch="arm"))
        built = build(evidence, bases=[Base("base", mapped)])
        assert built.profile.arch_map == (
            ArchMapping(X86_64, (X86, X32)),
            ArchMapping(AARCH64, ("SCMP_ARCH_ARM",)),
        )
        assert built.profile.architectures == ()

    def test_several(self) -> None:
        one = base(Rule(("read",), ALLOW), Rule(("write",), ALLOW))
        two = base(Rule(("read",), ALLOW), Rule(("close",), ALLOW), label="base c.json", archs=[X86])
        built = build(seen("openat"), bases=[one, two])
        assert [rule.names[0] for rule in built.profile.rules] == ["read", "write", "close", "openat"]
        assert why(built, "read") == "base b.json; base c.json"
        assert built.profile.architectures == (X86_64, X86)

    @pytest.mark.parametrize(
        ("other", "said"),
        [
            (Profile(RuleAction.KILL, None, (), ()), "base c.json: its default is SCMP_ACT_KILL_THREAD"),
            (Profile(ERRNO, 38, (), ()), "ENOSYS.*, that of base b.json SCMP_ACT_ERRNO .EPERM"),
            (Profile(ERRNO, 1, (), (Rule(("read",), ERRNO),)), "base c.json: denies read, which another base allows"),
            (Profile(ERRNO, 1, (), (Rule(("bpf",), ALLOW),)), "base c.json: allows bpf, which another base denies"),
            (Profile(ERRNO, 1, (), (), listener_path="/b"), "listenerPath is not that of another base"),
            (Profile(ERRNO, 1, (), (), extra=(("x", "2"),)), "its key 'x' has another value"),
        ],
    )
    def test_several_that_contradict_each_other(self, other: Profile, said: str) -> None:
        one = Profile(ERRNO, 1, (), (Rule(("read",), ALLOW), Rule(("bpf",), ERRNO)), extra=(("x", "1"),))
        bases = [Base("base b.json", one._replace(listener_path="/a")), Base("base c.json", other)]
        with pytest.raises(UsageError, match=said):
            build(Evidence(), bases=bases)


class TestInPlace:
    """--update: the same, but what is allowed under conditions stays so."""

    def test_conditions_stay(self) -> None:
        rules = (Rule(("clone",), ALLOW, (CONDITION,)), Rule(("socket",), ALLOW, excludes=Clause(caps=("CAP_BPF",))))
        built = build(seen("clone", "socket", "read"), bases=[base(*rules)._replace(in_place=True)])
        assert built.added == ("read",)
        way = "--allow NAME allows it always"
        assert built.notes == (
            f"base b.json: allows clone under conditions: left as it is (a log does not tell arguments): {way}",
            f"base b.json: allows socket under conditions: left as it is (a log does not tell capabilities): {way}",
        )

    def test_conditions_go_where_that_is_asked_for(self) -> None:
        rules = (Rule(("clone",), ALLOW, (CONDITION,)), Rule(("socket",), ALLOW, (CONDITION,)))
        built = build(seen("clone", "socket"), bases=[base(*rules)._replace(in_place=True)], allow=["socket"])
        assert built.added == ("socket",)
        assert built.notes[0].startswith("base b.json: allows clone under conditions: left as it is")
        assert built.notes[1] == "base b.json: allows socket under conditions, the result always (--allow)"

    def test_a_call_without_a_name_is_nothing_new(self) -> None:
        given = [base(Rule(("read",), ALLOW))._replace(in_place=True)]
        assert build(audit2seccomp.read([line(500)]), bases=given).profile == given[0].profile
        with pytest.raises(NothingFoundError, match="all records are denials"):
            build(audit2seccomp.read([line(500, code="0x50001")]), bases=given)
        with pytest.raises(NothingFoundError, match="no observed call has a name"):
            build(audit2seccomp.read([line(500)]), bases=[base(Rule(("read",), ALLOW))])

    def test_never(self) -> None:
        given = [base(Rule(("mount",), ALLOW))._replace(in_place=True)]
        with pytest.raises(UsageError, match="allows mount: take it out of the file"):
            build(Evidence(), bases=given, never=["mount"], drop_never=True)

    def test_a_file_without_architectures(self) -> None:
        given = [base(Rule(("read",), ALLOW), archs=[])._replace(in_place=True)]
        assert build(seen("read"), bases=given).profile == given[0].profile
        assert build(seen("read"), bases=given, architectures=["x86"]).profile.architectures == (X86, X86_64)


def test_comments_hold_the_reasons() -> None:
    built = build(seen("read", "close"), bases=[base(Rule(("write",), ALLOW, comment="mine"))], allow=["bpf"])
    assert built.commented().rules == (
        Rule(("write",), ALLOW, comment="mine"),
        Rule(("bpf",), ALLOW, comment="--allow"),
        Rule(("close",), ALLOW, comment="observed once: nginx (1)"),
        Rule(("read",), ALLOW, comment="observed once: nginx (1)"),
    )


def test_rules_without_a_comment_say_their_base() -> None:
    rule, denies = Rule(("write",), ALLOW), Rule(("bpf",), ERRNO, comment="")
    two = [base(rule, denies), base(rule, Rule(("bind",), ALLOW, comment="mine"), label="base \udcff.json")]
    assert build(seen("read"), bases=two[:1], never=["write"], drop_never=True).commented().rules == (
        denies._replace(comment="base b.json"),
        Rule(("read",), ALLOW, comment="observed once: nginx (1)"),
    )
    two[1] = two[1]._replace(profile=two[1].profile._replace(rules=(*two[1].profile.rules, denies)))
    assert build(seen("write"), bases=two).commented().rules == (
        rule._replace(comment="base b.json; base \\udcff.json"),
        denies._replace(comment="base b.json; base \\udcff.json"),
        Rule(("bind",), ALLOW, comment="mine"),
    )


CALLS = ["read", "write", "openat", "clone", "personality", "socket", "ioctl", "clone3", "execve", "close"]
some_calls = st.lists(st.sampled_from(CALLS), max_size=4, unique=True)


@given(
    st.lists(st.sampled_from(CALLS), min_size=1, max_size=6, unique=True),
    some_calls,
    some_calls,
    st.lists(st.sampled_from(["runc", "crun:nnp", "any"]), max_size=2),
    st.sampled_from([None, "A", "B"]),
    st.lists(profiles(), max_size=2),
    st.booleans(),
)
def test_every_name_has_a_reason(
    observed: list[str],
    allow: list[str],
    never: list[str],
    runtimes: list[str],
    portable: str | None,
    others: list[Profile],
    drop: bool,
) -> None:
    bases = [Base(f"base {index}", profile) for index, profile in enumerate(others)]
    evidence = seen(*observed)
    try:
        built = build(
            evidence,
            allow=allow,
            never=never,
            drop_never=drop,
            runtimes=runtimes,
            portable=portable,
            bases=bases,
        )
    except Audit2SeccompError:
        return
    assert built.reasons.keys() == names(built)
    assert all(built.reasons.values())
    assert set(built.added).isdisjoint(never)
    for name, reasons in built.reasons.items():
        sources = {reason.source for reason in reasons}
        assert (Source.OBSERVED in sources) == (name in observed and name not in never)
        assert (Source.ALLOW in sources) == (name in allow)
        assert (Source.RUNTIME in sources) <= bool(runtimes)
        assert (Source.SIBLING in sources) <= (portable is not None)
        assert sources != {Source.SIBLING} or name not in observed
    if not bases:
        assert set(observed) - set(never) <= set(built.added)
    for one in bases:
        kept = [rule for rule in one.profile.rules if not set(rule.names) & set(never)]
        assert all(rule in built.profile.rules for rule in kept)
