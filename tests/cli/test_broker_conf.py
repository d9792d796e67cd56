"""`offloadctl broker-conf`: through the real entry point, on real files."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from offloadctl.report.schema import schema_of
from tests.command_line import ROOT, CommandLine, run_process
from tests.unit.brokerconf.test_lint import STOCK

MINIMAL = ("--profile", "aws-s3", "--set", "bucket=pulsar-offload-bucket", "--set", "region=us-west-2")
MINIO = ("-p", "minio", "--set", "bucket=cold", "--set", "endpoint=http://minio:9000")
SECRET = "wJalrXUtnFEMI/K7MDENG"


@pytest.fixture
def offloadctl(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A broker.conf like Pulsar's own, with things of other people; relative names are meant from its directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "broker.conf"
    path.write_bytes(
        b"# caf\xe9\r\nclusterName = test\r\nbrokerClientAuthenticationParameters=token:swordfish\r\n"
        + STOCK.replace("\n", "\r\n").encode()
    )
    path.chmod(0o640)
    return path


def document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    schema = schema_of(found["kind"])
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema)
    return found


class TestRender:
    def test_a_minimal_aws_s3_is_three_lines_and_the_rest_is_said_beside_them(self, offloadctl: CommandLine) -> None:
        ran = offloadctl("broker-conf", "render", *MINIMAL)

        assert ran.code == 0
        assert ran.out == (
            "managedLedgerOffloadDriver=aws-s3\n"
            "s3ManagedLedgerOffloadRegion=us-west-2\n"
            "s3ManagedLedgerOffloadBucket=pulsar-offload-bucket\n"
        )
        assert "AWS_ACCESS_KEY_ID" in ran.err

    def test_minio_says_why_it_is_the_driver_s3(self, offloadctl: CommandLine) -> None:
        ran = offloadctl("broker-conf", "render", *MINIO)

        assert "managedLedgerOffloadDriver=S3" in ran.out
        assert "The driver is S3, not aws-s3" in ran.err

    @pytest.mark.parametrize("wanted", ["env", "configmap", "helm-values", "compose"])
    def test_every_format_can_be_linted_again(self, offloadctl: CommandLine, tmp_path: Path, wanted: str) -> None:
        ran = offloadctl("broker-conf", "render", *MINIO, "--format", wanted, "--set", "deletion-lag=4h")
        file = tmp_path / "rendered"
        file.write_text(ran.out)

        again = offloadctl("broker-conf", "lint", str(file), "-o", "json")

        assert (ran.code, again.code) == (0, 0)
        assert 'DeletionLagMs: "14400000"' in ran.out or "DeletionLagMs=14400000" in ran.out
        assert [one["severity"] for one in document(again.out)["findings"]].count("error") == 0

    def test_comments_come_when_they_are_asked_for(self, offloadctl: CommandLine) -> None:
        ran = offloadctl("broker-conf", "render", *MINIMAL, "--comments")

        assert "# The bucket." in ran.out
        assert "\ns3ManagedLedgerOffloadBucket=pulsar-offload-bucket\n" in ran.out
        assert "\n#managedLedgerOffloadDeletionLagMs=14400000\n" in ran.out

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("-p", "mino"), "did you mean minio?"),
            (("-p", "minio"), "needs bucket and endpoint"),
            (("-p", "minio", "--set", "bucket"), "is not NAME=VALUE"),
            (("-p", "minio", "--set", "bucket=a", "--set", "bucket=b"), "bucket is set twice"),
            ((*MINIMAL, "--set", "max-block-size=1M"), "block-too-small"),
            ((*MINIMAL, "--set", "max-block-size=64MB"), "not a size"),
            ((*MINIMAL, "--dry-run"), "--into"),
            ((*MINIMAL, "--name", "broker"), "--format configmap"),
            ((*MINIMAL, "--comments", "--format", "env"), "leave --format out"),
            (("-p", "aws-s3", "--set", "region=af-south-1", "--set", "bucket=cold"), "af-south-1.amazonaws.com"),
        ],
    )
    def test_what_would_not_work_is_refused_in_words(
        self, offloadctl: CommandLine, arguments: tuple[str, ...], words: str
    ) -> None:
        ran = offloadctl("broker-conf", "render", *arguments)

        assert (ran.code, ran.out) == (2, "")
        assert words in ran.err

    def test_what_works_badly_is_rendered_with_a_warning(self, offloadctl: CommandLine) -> None:
        ran = offloadctl("broker-conf", "render", *MINIO, "--set", "deletion-lag=0")

        assert ran.code == 0
        assert "warning [no-deletion-lag]" in ran.err

    def test_a_secret_is_not_printed(self, offloadctl: CommandLine) -> None:
        key = ("--set", "credential-id=AKIA", "--set", f"credential-secret={SECRET}")

        ran = offloadctl("broker-conf", "render", *MINIMAL, *key)

        assert ran.code == 2
        assert SECRET not in ran.out + ran.err

    def test_a_secret_that_is_not_name_value_is_not_shown_either(self, offloadctl: CommandLine) -> None:
        ran = offloadctl("broker-conf", "render", "-p", "aws-s3", "--set", SECRET)

        assert ran.code == 2
        assert SECRET not in ran.err


class TestInto:
    def test_keys_are_filled_where_they_stand_and_nothing_else_changes(
        self, offloadctl: CommandLine, conf: Path
    ) -> None:
        before = conf.read_bytes()

        ran = offloadctl("broker-conf", "render", *MINIMAL, "--into", "broker.conf")

        assert (ran.code, ran.out) == (0, "")
        assert conf.read_bytes() == (
            before.replace(b"\nmanagedLedgerOffloadDriver=\r", b"\nmanagedLedgerOffloadDriver=aws-s3\r")
            .replace(b"\ns3ManagedLedgerOffloadRegion=\r", b"\ns3ManagedLedgerOffloadRegion=us-west-2\r")
            .replace(b"\ns3ManagedLedgerOffloadBucket=\r", b"\ns3ManagedLedgerOffloadBucket=pulsar-offload-bucket\r")
        )

    def test_the_old_file_is_kept_with_its_rights_and_the_new_one_has_them_too(
        self, offloadctl: CommandLine, conf: Path
    ) -> None:
        before = conf.read_bytes()

        ran = offloadctl("broker-conf", "render", *MINIMAL, "--into", "broker.conf")

        backup = conf.with_name("broker.conf.bak")
        assert backup.name in ran.err
        assert backup.read_bytes() == before
        assert stat.S_IMODE(backup.stat().st_mode) == stat.S_IMODE(conf.stat().st_mode) == 0o640

    def test_each_change_keeps_a_backup_of_its_own(self, offloadctl: CommandLine, conf: Path) -> None:
        before = conf.read_bytes()
        offloadctl("broker-conf", "render", *MINIMAL, "--into", "broker.conf")
        between = conf.read_bytes()

        offloadctl("broker-conf", "render", *MINIMAL, "--set", "deletion-lag=12h", "--into", "broker.conf")

        assert conf.with_name("broker.conf.bak").read_bytes() == before
        assert conf.with_name("broker.conf.bak.1").read_bytes() == between

    def test_the_second_time_nothing_happens(self, offloadctl: CommandLine, conf: Path) -> None:
        offloadctl("broker-conf", "render", *MINIMAL, "--into", "broker.conf")
        files = sorted(conf.parent.iterdir())
        status = conf.stat()

        ran = offloadctl("broker-conf", "render", *MINIMAL, "--into", "broker.conf")

        assert "says that already" in ran.err
        assert sorted(conf.parent.iterdir()) == files
        assert conf.stat().st_mtime_ns == status.st_mtime_ns

    def test_a_dry_run_shows_the_difference_without_secrets_and_changes_nothing(
        self, offloadctl: CommandLine, conf: Path
    ) -> None:
        before = conf.read_bytes()

        ran = offloadctl("broker-conf", "render", *MINIMAL, "--into", "broker.conf", "--dry-run")

        assert ran.code == 0
        assert "-managedLedgerOffloadDriver=\n+managedLedgerOffloadDriver=aws-s3\n" in ran.out
        assert "swordfish" not in ran.out
        assert conf.read_bytes() == before
        assert list(conf.parent.iterdir()) == [conf]

    def test_a_secret_goes_into_the_file_and_nowhere_else(
        self, offloadctl: CommandLine, conf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        typed = tmp_path / "typed"
        typed.write_text(f"{SECRET}\n")
        key = ("--set", "credential-id=AKIA", "--set", "credential-secret=-")
        with typed.open() as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            ran = offloadctl("broker-conf", "render", *MINIMAL, *key, "--into", "broker.conf")

        assert ran.code == 0
        assert f"s3ManagedLedgerOffloadCredentialSecret={SECRET}\r\n" in conf.read_bytes().decode("latin-1")
        assert SECRET not in ran.out + ran.err
        assert "secret-in-clear" in ran.err

    def test_a_file_that_cannot_be_replaced_stays_and_no_backup_does(
        self, offloadctl: CommandLine, conf: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = conf.read_bytes()

        def busy(self: Path, target: Path) -> None:
            raise OSError(errno.EBUSY, "Device or resource busy")

        monkeypatch.setattr(Path, "replace", busy)
        ran = offloadctl("broker-conf", "render", *MINIMAL, "--into", "broker.conf")

        assert ran.code == 2
        assert "it is a mount" in ran.err
        assert conf.read_bytes() == before
        assert list(conf.parent.iterdir()) == [conf]

    def test_behind_a_link_the_file_itself_changes(self, offloadctl: CommandLine, conf: Path) -> None:
        link = conf.with_name("link.conf")
        link.symlink_to(conf)

        offloadctl("broker-conf", "render", *MINIMAL, "--into", "link.conf")

        assert link.is_symlink()
        assert b"=aws-s3" in conf.read_bytes()

    def test_what_is_left_to_do_is_said(self, offloadctl: CommandLine, conf: Path) -> None:
        conf.write_text("managedLedgerOffloadDeletionLagMs=4h\n")

        ran = offloadctl("broker-conf", "render", *MINIMAL, "--into", "broker.conf")

        assert ran.code == 0
        assert "offloadctl broker-conf lint broker.conf" in ran.err

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("kind: ConfigMap\n", "is no broker.conf"),
            ("PULSAR_PREFIX_a=b\n", "is no broker.conf"),
            (None, "cannot be read"),
        ],
    )
    def test_other_files_are_refused(self, offloadctl: CommandLine, conf: Path, text: str | None, words: str) -> None:
        conf.unlink()
        if text is not None:
            conf.write_text(text)

        ran = offloadctl("broker-conf", "render", *MINIMAL, "--into", "broker.conf")

        assert ran.code == 2
        assert words in ran.err


class TestLint:
    def test_the_stock_file_is_fine(self, offloadctl: CommandLine, conf: Path) -> None:
        ran = offloadctl("broker-conf", "lint", "broker.conf")

        assert ran.code == 0
        assert "no-driver" in ran.out
        assert "1 note" in ran.out

    def test_a_finding_says_where_what_follows_and_what_to_do(self, offloadctl: CommandLine, conf: Path) -> None:
        conf.write_text("# mine\nmanagedLedgerOffloadDeletionLagMs=4h\n")

        ran = offloadctl("broker-conf", "lint", "broker.conf")

        assert ran.code == 3
        assert "error: line 2 [not-a-number]   (--fix)\n  managedLedgerOffloadDeletionLagMs=4h\n" in ran.out
        assert "It does not start" in ran.out
        assert "hint: --fix puts 1 of them right" in ran.err

    def test_programs_get_a_document(self, offloadctl: CommandLine, conf: Path) -> None:
        conf.write_text("managedLedgerOffloadDriver=aws-s3\ns3ManagedLedgerOffloadRegion=af-south-1\n")

        ran = offloadctl("broker-conf", "lint", "broker.conf", "-o", "json", "--pulsar-version", "4.0.7")

        found = document(ran.out)
        (unknown,) = (one for one in found["findings"] if one["rule"] == "region-unknown")
        assert (ran.code, found["exitCode"], found["pulsarVersion"]) == (3, 3, "4.0.7")
        assert (unknown["line"], unknown["key"], unknown["severity"]) == (2, "s3ManagedLedgerOffloadRegion", "error")
        assert unknown["issues"] == ["https://github.com/apache/pulsar/issues/25183"]
        assert found["summary"]["errors"] == sum(1 for one in found["findings"] if one["severity"] == "error")

    def test_stdin_is_a_file_too(self) -> None:
        done = run_process(
            "broker-conf", "lint", "-", environment=dict(os.environ), text="managedLedgerOffloadDriver=s4\n"
        )

        assert done.returncode == 3
        assert "unknown-driver" in done.stdout

    def test_no_secret_is_shown(self, offloadctl: CommandLine, conf: Path) -> None:
        conf.write_text(f"{STOCK}s3ManagedLedgerOffloadCredentialSecret={SECRET}\nmanagedLedgerOffloadDriver=S3\n")

        for output in ("table", "wide", "json", "yaml", "ndjson"):
            ran = offloadctl("broker-conf", "lint", "broker.conf", "-o", output)

            assert "secret-in-clear" in ran.out
            assert SECRET not in ran.out + ran.err

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("nothing.conf",), "cannot be read"),
            (("broker.conf", "--pulsar-version", "four"), "no version"),
            (("broker.conf", "--dry-run"), "add --fix"),
            (("broker.conf", "--format", "yaml"), "not UTF-8"),
            ((".",), "cannot be read"),
        ],
    )
    def test_what_cannot_be_read_is_said_in_words(
        self, offloadctl: CommandLine, conf: Path, arguments: tuple[str, ...], words: str
    ) -> None:
        ran = offloadctl("broker-conf", "lint", *arguments)

        assert ran.code == 2
        assert words in ran.err

    def test_a_file_that_is_no_text_is_named(self, offloadctl: CommandLine, conf: Path) -> None:
        conf.write_bytes("managedLedgerOffloadDriver=S3".encode("utf-16"))

        ran = offloadctl("broker-conf", "lint", "broker.conf", "-o", "json")

        assert ran.code == 2
        assert document(ran.out)["error"]["message"].startswith("broker.conf: ")


def block(page: str, language: str) -> str:
    """The first code block of that sort in a page of the documentation."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return text.partition(f"```{language}\n")[2].partition("```")[0]


def test_the_page_about_it_shows_what_lint_prints(offloadctl: CommandLine, conf: Path) -> None:
    text = (ROOT / "docs" / "broker-conf.md").read_text(encoding="utf-8")
    shown = text.partition("$ offloadctl broker-conf lint tutorial.conf\n")[2].partition("```")[0]
    conf.with_name("tutorial.conf").write_text(block("broker-conf.md", "properties"))

    ran = offloadctl("broker-conf", "lint", "tutorial.conf")

    lines = [line for line in shown.splitlines() if line != "..."]
    assert len(lines) > 10
    assert [line for line in lines if line not in ran.out.splitlines()] == []


class TestFix:
    BROKEN = "managedLedgerOffloadDriver=s4\r\nmanagedLedgerOffloadDeletionLagMs = 4h\r\n"

    def test_what_needs_no_decision_is_put_right_and_the_rest_is_reported(
        self, offloadctl: CommandLine, conf: Path
    ) -> None:
        conf.write_bytes(self.BROKEN.encode())

        ran = offloadctl("broker-conf", "lint", "broker.conf", "--fix")

        assert ran.code == 3
        assert conf.read_bytes() == self.BROKEN.replace("4h", "14400000").encode()
        assert conf.with_name("broker.conf.bak").read_bytes() == self.BROKEN.encode()
        assert "unknown-driver" in ran.out
        assert "not-a-number" not in ran.out
        assert "1 were put right" in ran.out

    def test_a_dry_run_shows_it_and_changes_nothing(self, offloadctl: CommandLine, conf: Path) -> None:
        conf.write_bytes(self.BROKEN.encode())

        ran = offloadctl("broker-conf", "lint", "broker.conf", "--fix", "--dry-run")

        assert "-managedLedgerOffloadDeletionLagMs = 4h\n+managedLedgerOffloadDeletionLagMs = 14400000\n" in ran.out
        assert "1 would be put right" in ran.out
        assert conf.read_bytes() == self.BROKEN.encode()

    def test_when_everything_is_put_right_the_exit_code_is_0(self, offloadctl: CommandLine, conf: Path) -> None:
        conf.write_text("managedLedgerOffloadThresholdInSeconds=\n")

        ran = offloadctl("broker-conf", "lint", "broker.conf", "--fix", "-o", "json")

        assert (ran.code, document(ran.out)["summary"]["fixed"]) == (0, 1)

    @pytest.mark.parametrize(
        "text",
        [
            "# ours\nPULSAR_PREFIX_managedLedgerOffloadDeletionLagMs=4h\n",
            "kind: ConfigMap\ndata:\n  PULSAR_PREFIX_managedLedgerOffloadDeletionLagMs: '4h'\n",
            "kind: ConfigMap\ndata:\n  broker.conf: |\n    clusterName=a\n    managedLedgerOffloadDeletionLagMs=4h\n",
        ],
    )
    def test_variables_and_configmaps_are_edited_in_place_too(
        self, offloadctl: CommandLine, conf: Path, text: str
    ) -> None:
        conf.write_text(text)

        told, shown, ran = (
            offloadctl("broker-conf", "lint", "broker.conf", *flags)
            for flags in ((), ("--fix", "--dry-run"), ("--fix",))
        )

        assert (told.code, shown.code, ran.code) == (3, 0, 0)
        assert "--fix puts 1 of them right" in told.err
        assert "4h" in shown.out
        assert "14400000" in shown.out
        assert conf.read_text() == text.replace("4h", "14400000")
        assert conf.with_name("broker.conf.bak").read_text() == text

    def test_what_stands_there_in_a_way_that_is_not_edited_is_reported_and_stays(
        self, offloadctl: CommandLine, conf: Path
    ) -> None:
        conf.write_text("data:\n  PULSAR_PREFIX_managedLedgerOffloadDeletionLagMs: |\n    4h\n")

        ran = offloadctl("broker-conf", "lint", "broker.conf", "--fix")

        assert ran.code == 3
        assert "not-a-number" in ran.out
        assert "(--fix)" not in ran.out
        assert "stays as it is" in ran.err
        assert not conf.with_name("broker.conf.bak").exists()

    def test_stdin_is_no_file_to_be_changed(
        self, offloadctl: CommandLine, conf: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conf.write_bytes(self.BROKEN.encode())

        with conf.open() as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            ran = offloadctl("broker-conf", "lint", "-", "--fix")

        assert ran.code == 2
        assert "name the file" in ran.err


class TestDiff:
    def test_the_same_to_a_broker_is_0(self, offloadctl: CommandLine, conf: Path) -> None:
        other = conf.with_name("other.conf")
        other.write_text("clusterName=other\nmanagedLedgerOffloadDeletionLagMs=14400000\n")

        ran = offloadctl("broker-conf", "diff", "broker.conf", "other.conf")

        assert ran.code == 0
        assert "the same" in ran.out

    def test_a_file_is_held_against_a_profile(self, offloadctl: CommandLine, conf: Path) -> None:
        ran = offloadctl("broker-conf", "diff", "minio", "broker.conf", "--set", "bucket=cold", "-o", "json")

        found = document(ran.out)
        assert (ran.code, found["a"], found["b"]) == (3, "profile minio", "broker.conf")
        assert [(one["key"], one["a"], one["b"]) for one in found["differences"]] == [
            ("managedLedgerOffloadDriver", "S3", ""),
            ("managedLedgerOffloadBucket", "cold", ""),
            ("managedLedgerOffloadServiceEndpoint", None, None),
        ]

    def test_what_it_is_to_become_is_shown_key_by_key(self, offloadctl: CommandLine, conf: Path) -> None:
        ran = offloadctl("broker-conf", "diff", "broker.conf", "minio")

        assert "managedLedgerOffloadServiceEndpoint\n  - not there\n  + any value\n" in ran.out

    def test_secrets_are_masked(self, offloadctl: CommandLine, conf: Path) -> None:
        conf.write_text(f"s3ManagedLedgerOffloadCredentialSecret={SECRET}\n")
        conf.with_name("other.conf").write_text(f"s3ManagedLedgerOffloadCredentialSecret={SECRET}2\n")

        for output in ("table", "json"):
            ran = offloadctl("broker-conf", "diff", "broker.conf", "other.conf", "-o", output)

            assert ran.code == 3
            assert SECRET not in ran.out

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("broker.conf", "nothing"), "neither a file nor a profile"),
            (("-", "-"), "only once"),
            (("broker.conf", "broker.conf", "--set", "bucket=a"), "no side is one"),
            (("live", "live"), "both sides are the live brokers"),
            (("live", "broker.conf", "--set", "bucket=a"), "no side is one"),
            (("broker.conf", "minio", "--topic", "a"), "--topic"),
            (("live", "nothing"), "neither a file nor a profile"),
        ],
    )
    def test_what_cannot_be_compared_is_said_in_words(
        self, offloadctl: CommandLine, conf: Path, arguments: tuple[str, ...], words: str
    ) -> None:
        ran = offloadctl("broker-conf", "diff", *arguments)

        assert ran.code == 2
        assert words in ran.err


class TestProfilesAndSettings:
    def test_profiles_say_what_they_need(self, offloadctl: CommandLine) -> None:
        ran = offloadctl("broker-conf", "profiles", "-o", "json")

        needs = {one["name"]: one["required"] for one in document(ran.out)["items"]}
        assert needs["aws-s3"] == ["region", "bucket"]
        assert needs["minio"] == ["bucket", "endpoint"]
        assert "minio" in offloadctl("broker-conf", "profiles").out

    def test_settings_are_listed_by_family_or_one_in_words(self, offloadctl: CommandLine) -> None:
        listed = offloadctl("broker-conf", "settings")
        one = offloadctl("broker-conf", "settings", "s3ManagedLedgerOffloadMaxBlockSizeInBytes")

        assert "managedLedgerOffloadDeletionLagMs" in listed.out
        assert "--set    max-block-size" in one.out
        assert "can override it; each brings 67108864" in one.out

    def test_settings_are_a_document_too(self, offloadctl: CommandLine) -> None:
        ran = offloadctl("broker-conf", "settings", "managedLedgerOffloadDeletionLagMs", "-o", "json")

        (one,) = document(ran.out)["items"]
        assert (one["default"], one["unit"], one["parameter"]) == ("14400000", "milliseconds", "deletion-lag")

    def test_an_unknown_key_comes_with_a_near_one(self, offloadctl: CommandLine) -> None:
        ran = offloadctl("broker-conf", "settings", "managedLedgerOffloadDrivers")

        assert ran.code == 2
        assert "managedLedgerOffloadDriver" in ran.err

    def test_the_documentations_table_is_the_commands(self, offloadctl: CommandLine) -> None:
        page = (Path(__file__).resolve().parents[2] / "docs" / "broker-conf.md").read_text(encoding="utf-8")

        table = offloadctl("broker-conf", "settings", "--markdown").out

        assert table in page

    @pytest.mark.parametrize("word", ["block-truncates", "s3ManagedLedgerOffloadBucket", "blank-shadows"])
    def test_explain_knows_rules_and_keys(self, offloadctl: CommandLine, word: str) -> None:
        ran = offloadctl("explain", word)

        assert ran.code == 0
        assert word in ran.out


class TestOtherFiles:
    @pytest.mark.parametrize("words", [("lint", "notes.md"), ("diff", "notes.md", "broker.conf")])
    def test_a_file_of_another_sort_is_refused_and_not_shown(
        self, words: tuple[str, ...], offloadctl: CommandLine, conf: Path
    ) -> None:
        conf.with_name("notes.md").write_text(f"# Notes\n\nThe password is {SECRET}\n")

        ran = offloadctl("broker-conf", *words)

        assert ran.code == 2
        assert "error: notes.md: this is no broker.conf: expected keys such as clusterName" in ran.err
        assert "hint: is it the right file?" in ran.err
        assert SECRET not in ran.out + ran.err

    def test_a_pipe_of_another_sort_is_refused(self) -> None:
        done = run_process("broker-conf", "lint", "-", environment=dict(os.environ), text="foo\n")

        assert (done.returncode, done.stdout) == (2, "")
