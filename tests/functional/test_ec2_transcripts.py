"""What a person reads: the transcripts of the EC2 commands, compared whole."""

import re
from textwrap import dedent

from conftest import Handrail


def text(words: str) -> str:
    """Return an expected transcript without its indentation."""
    return dedent(words).lstrip("\n")


def test_a_life_in_transcripts(handrail: Handrail) -> None:
    made = handrail.ok("ec2", "create", "--name", "web", "--image", "ubuntu")
    assert made.said == text("""
        web is running · i-ID
         address IP public · IP private
         log in ssh ubuntu@IP · no key pair was given: create with --key-pair to log in
         next handrail ec2 stop web
        request REQUEST
        create 1 instance sandbox · us-east-1
         name web
         type t3.nano · x86_64 · 2 vCPU · 0.5 GiB
         image Ubuntu 26.04 LTS · ami-ID · DATE
         running 1 of 2 after this

        """)
    handrail.owner("dev-2").ok("ec2", "create", "--name", "api", "--type", "t4g.nano")
    full = handrail("ec2", "create")
    first, rule, *held, hint = full.said.splitlines()[1:]
    assert (full.code, first) == (3, "error: 2 instances are running, and the policy allows 2.")
    assert rule == " rule ec2.max_running = 2 for this account (built-in strict)"
    names = sorted(line.replace(" running ", " ") for line in held)  # those of one second stand by their names
    assert names == [" api i-ID AGE dev-2 us-east-1", " web i-ID AGE you us-east-1"]
    assert hint == " try handrail ec2 stop web"
    assert handrail.ok("ec2", "list").said == text("""
        NAME ID TYPE STATE PUBLIC PRIVATE IMAGE AGE OWNER
        api i-ID t4g.nano running IP IP Amazon Linux AGE dev-2
        web i-ID t3.nano running IP IP Ubuntu 26.04 AGE you
        2 instances · 2 of 2 places used
        """)
    stopped = handrail.ok("ec2", "stop", "web")
    assert stopped.out.startswith("web is stopped · i-")
    assert "handrail ec2 start web" in stopped.out
    assert handrail.ok("ec2", "stop", "web").said == "web is stopped already · i-ID\n"
    shown = handrail.ok("ec2", "show", "web").said
    for line in (
        "web is stopped · i-ID", " owner you", " key pair none", " volumes vol-ID", " groups sg-ID",
        " address no public address · IP private", " reason Client.UserInitiatedShutdown: User initiated shutdown",
        " next handrail ec2 start web",
    ):  # fmt: skip
        assert line in shown.splitlines()
    gone = handrail.ok("ec2", "delete", "web", answers="web\n")
    assert gone.out.startswith("web is terminated · i-")
    assert (
        text("""
        This ends 1 instance for good, with its disk:
        NAME ID TYPE STATE AGE OWNER PUBLIC PRIVATE
        web i-ID t3.nano stopped AGE you - IP
        Type its name to confirm: """).rstrip("\n")
        in gone.said
    )
    assert gone.err.count(" stopped ") == 1
    assert [row["name"] for row in handrail.json("ec2", "list")] == ["api"]


def test_what_would_go_is_shown_however_it_is_confirmed(handrail: Handrail) -> None:
    handrail.ok("ec2", "create", "--name", "web")
    rows = text("""
        NAME ID TYPE STATE AGE OWNER PUBLIC PRIVATE
        web i-ID t3.nano running AGE you IP IP
        """)
    dry = handrail.ok("ec2", "delete", "web", "--dry-run").said
    assert dry == f"web would be deleted; nothing was changed\ndelete 1 instance sandbox · us-east-1\n{rows}"
    nobody = handrail("ec2", "delete", "web")
    below = rows.rstrip("\n").replace("\n", "\n ")
    assert (nobody.code, nobody.said) == (
        6,
        "delete 1 instance sandbox · us-east-1\n"
        " request REQUEST\n"
        "error: this needs a yes, and there is no terminal to ask on; nothing was changed.\n"
        f" question This ends 1 instance for good, with its disk:\n {below}\n"
        " try add --yes to answer it\n",
    )
    wrong = handrail("ec2", "delete", "web", "--no-color", answers="wep\n")
    # On a terminal of eighty columns long addresses stand below each other.
    assert wrong.code == 6
    assert len(re.findall(r"web i-ID t3.nano running AGE you IP\s+IP\nType its name", wrong.said)) == 1
    assert wrong.said.count("web i-ID") == 1
    assert wrong.said.endswith(
        "error: not confirmed; nothing was changed.\n try repeat the command and type web, or add --yes\n"
    )
    sure = handrail.ok("ec2", "delete", "web", "--yes")
    assert f"delete 1 instance sandbox · us-east-1\n request REQUEST\n{rows}" in sure.said


def test_what_handrail_alone_says(handrail: Handrail) -> None:
    handrail.ok("ec2", "create", "--name", "web")
    said = handrail.ok().said.splitlines()
    assert said[:4] == [
        "Handrail",
        " where sandbox · 123456789012 · us-east-1 (default)",
        " you are dev-1",
        " policy built-in strict",
    ]
    for line in (
        " instances 1 running · 1 of 2 places used",
        " may make t3.nano, t4g.nano · ubuntu, amazon-linux",
        " make handrail ec2 create · handrail s3 create NAME",
        " real AWS handrail use aws",
    ):
        assert line in said
    row = handrail.json()
    assert {"target": "sandbox", "owner": "dev-1", "instances": {"running": 1}, "places": 2}.items() <= row.items()
    nobody = Handrail({**handrail.environ, "USER": "", "LOGNAME": ""}, handrail.cwd)
    assert "you are" not in nobody.ok().out


def test_an_unknown_type_names_the_nearest(handrail: Handrail) -> None:
    refused = handrail("ec2", "create", "--type", "t3.lrge")
    assert (refused.code, refused.said) == (
        3,
        text("""
        error: t3.lrge is not an instance type that the policy allows.
         rule ec2.types = t3.nano, t4g.nano (built-in strict)
         try handrail ec2 create --type t3.nano
        """),
    )


def test_an_empty_list_says_what_to_do(handrail: Handrail) -> None:
    assert handrail.ok("ec2", "list").said == (
        "No instances in us-east-1. Make one: handrail ec2 create\n0 instances · 0 of 2 places used\n"
    )
    assert "fit. See them all: handrail ec2 list" in handrail.ok("ec2", "list", "--name", "x*").err
    assert handrail.json("ec2", "list") == []
    assert handrail.ok("ec2", "list", "-o", "csv").out.startswith("id,name,type,state,image,")
