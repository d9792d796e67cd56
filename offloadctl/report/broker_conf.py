"""What `offloadctl broker-conf` finds, as documents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from offloadctl.brokerconf.diff import Difference, Unseen
from offloadctl.brokerconf.entries import Layout
from offloadctl.brokerconf.findings import ISSUE_URL, LintFinding, LintSeverity
from offloadctl.brokerconf.kinds import Kind, Setting
from offloadctl.brokerconf.lint import is_clean
from offloadctl.brokerconf.masking import shown
from offloadctl.brokerconf.profiles import Profile
from offloadctl.exitcodes import ExitCode
from offloadctl.report import broker_conf_documents as documents


@dataclass(frozen=True, slots=True)
class LintReport:
    """What the linter says of one file."""

    file: str
    layout: Layout
    pulsar_version: str | None
    findings: tuple[LintFinding, ...]
    fixed: int = 0
    is_dry_run: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """0 if there are only notes."""
        return ExitCode.OK if is_clean(self.findings) else ExitCode.WARNINGS

    def count(self, severity: LintSeverity) -> int:
        """How many findings are that bad."""
        return sum(1 for one in self.findings if one.rule.severity is severity)


@dataclass(frozen=True, slots=True)
class DiffReport:
    """How two configurations differ."""

    a: str
    b: str
    differences: tuple[Difference, ...]
    unseen: tuple[Unseen, ...] = ()
    """What live brokers did not show."""

    @property
    def effective(self) -> tuple[Difference, ...]:
        """Those that make a broker do anything else."""
        return tuple(one for one in self.differences if one.is_effective)

    @property
    def exit_code(self) -> ExitCode:
        """0 if brokers would do the same; 5 if live ones hide what they could show."""
        if any(one.do for one in self.unseen):
            return ExitCode.NOT_COVERED
        return ExitCode.WARNINGS if self.effective else ExitCode.OK


def lint_document(report: LintReport) -> documents.BrokerConfLint:
    """`kind: BrokerConfLint`."""
    return documents.BrokerConfLint(
        file=report.file,
        layout=report.layout.value,
        pulsar_version=report.pulsar_version,
        findings=[finding_document(one) for one in report.findings],
        summary=documents.LintSummaryDocument(
            errors=report.count(LintSeverity.ERROR),
            warnings=report.count(LintSeverity.WARNING),
            notes=report.count(LintSeverity.NOTE),
            fixed=report.fixed,
        ),
        exit_code=int(report.exit_code),
    )


def finding_document(one: LintFinding) -> documents.LintFindingDocument:
    """One finding, with its rule's words where it has none of its own."""
    return documents.LintFindingDocument(
        rule=one.rule.id,
        severity=one.rule.severity.value,
        line=one.line,
        key=one.key,
        evidence=one.evidence,
        what=one.what,
        broker=one.broker or one.rule.broker,
        fix=one.fix or one.rule.fix,
        fixable=one.is_fixable,
        versions=one.rule.versions,
        issues=[ISSUE_URL.format(number) for number in one.rule.issues],
    )


def diff_document(report: DiffReport) -> documents.BrokerConfDiff:
    """`kind: BrokerConfDiff`."""
    return documents.BrokerConfDiff(
        a=report.a,
        b=report.b,
        differences=[
            documents.SettingDifferenceDocument(
                key=one.key,
                a=None if one.a is None else shown(one.key, one.a),
                b=None if one.b is None else shown(one.key, one.b),
                default=one.default,
                effective=one.is_effective,
            )
            for one in report.differences
        ],
        unseen=[documents.UnseenSettingsDocument(keys=list(one.keys), why=one.why, do=one.do) for one in report.unseen],
        exit_code=int(report.exit_code),
    )


def setting_list(settings: Iterable[Setting]) -> documents.BrokerConfSettingList:
    """`kind: BrokerConfSettingList`."""
    return documents.BrokerConfSettingList(items=[_setting(one) for one in settings])


def profile_list(profiles: Sequence[Profile]) -> documents.BrokerConfProfileList:
    """`kind: BrokerConfProfileList`."""
    return documents.BrokerConfProfileList(
        items=[
            documents.BrokerConfProfileDocument(
                name=one.name,
                title=one.title,
                notes=one.notes,
                driver=one.driver.value,
                required=list(one.required),
                optional=list(one.optional),
            )
            for one in profiles
        ]
    )


def _setting(one: Setting) -> documents.BrokerConfSettingDocument:
    return documents.BrokerConfSettingDocument(
        key=one.key,
        parameter=one.parameter,
        about=one.about,
        family=one.family.value,
        type=one.java.value,
        unit=unit(one),
        default=one.default,
        drivers=[driver.value for driver in one.drivers],
        choices=list(one.choices),
        since=one.since,
        live=one.live,
        in_runtime_configuration=one.in_runtime,
        in_policies=one.in_policy,
        policy_default=one.leaks,
        source=one.source,
    )


def unit(setting: Setting) -> str:
    """What its number counts; empty for a mere count, and for what is no number."""
    return setting.kind.value if setting.kind.is_number and setting.kind is not Kind.COUNT else ""
