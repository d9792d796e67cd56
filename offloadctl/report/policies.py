"""Offload policies and their changes as documents."""

from collections.abc import Sequence
from dataclasses import dataclass

from offloadctl.brokerconf.findings import LintFinding
from offloadctl.brokerconf.lint import is_clean
from offloadctl.brokerconf.policy_fields import BY_NAME, KEEP
from offloadctl.exitcodes import ExitCode, combine
from offloadctl.model.names import NamespaceName
from offloadctl.model.policies import PolicyLevels, PolicyObject, PolicyScope
from offloadctl.plan.offload_policies import FieldChange, PolicyRequest
from offloadctl.plan.policies_in_force import EffectiveField, effective, in_force
from offloadctl.plan.policy_dangers import lint_policies
from offloadctl.plan.policy_outcome import Approval, ChangeState, PolicyOutcome
from offloadctl.plan.policy_words import bucket_flag, plain_value, story
from offloadctl.report import policy_documents as doc
from offloadctl.report.broker_conf import finding_document
from offloadctl.report.origin import Origin


@dataclass(frozen=True, slots=True)
class EffectiveReport:
    """What is in force for one topic or namespace, and what is wrong with it."""

    levels: PolicyLevels
    fields: tuple[EffectiveField, ...]
    findings: tuple[LintFinding, ...]

    @classmethod
    def of(cls, levels: PolicyLevels) -> "EffectiveReport":
        """Everything that follows from what was read."""
        return cls(levels, effective(levels), lint_policies(levels))

    @property
    def exit_code(self) -> ExitCode:
        """0 if there are only notes."""
        return ExitCode.OK if is_clean(self.findings) else ExitCode.WARNINGS


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """What came of changing policies."""

    outcomes: tuple[PolicyOutcome, ...]
    dry_run: bool = False
    is_diff: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """Of a comparison: 0 the same, 3 differs."""
        if self.is_diff:
            return ExitCode.WARNINGS if any(one.plan.is_needed for one in self.outcomes) else ExitCode.OK
        # One refusal keeps all the others from being sent.
        if any(one.state is ChangeState.REFUSED for one in self.outcomes):
            return ExitCode.REFUSED
        return combine(one.exit_code for one in self.outcomes)


def policies_document(levels: Sequence[PolicyLevels], origin: Origin) -> doc.OffloadPolicies:
    """`kind: OffloadPolicies`."""
    return doc.OffloadPolicies(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        policies=[policy_item(one) for one in levels],
    )


def policy_item(levels: PolicyLevels) -> doc.OffloadPolicyItem:
    """One level's own, without what every policy is born with."""
    namespace, topic = _names(levels.scope)
    own = levels.own
    fields = None if own is None else _for_file(own)
    return doc.OffloadPolicyItem(namespace=namespace, topic=topic, is_global=levels.is_global, fields=fields)


def effective_document(report: EffectiveReport, origin: Origin) -> doc.EffectiveOffloadPolicies:
    """`kind: EffectiveOffloadPolicies`."""
    namespace, topic = _names(report.levels.scope)
    return doc.EffectiveOffloadPolicies(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        namespace=namespace,
        topic=topic,
        fields=[_effective(one) for one in report.fields],
        broker_known=report.levels.broker_is_known,
        bucket_flag=bucket_flag(in_force(report.levels)),
        story=[doc.StoryDocument(step=step, text=text) for step, text in story(report.levels, in_force(report.levels))],
        findings=[finding_document(one) for one in report.findings],
        exit_code=int(report.exit_code),
    )


def change_document(report: ChangeReport, approval: Approval, origin: Origin) -> doc.OffloadPoliciesChange:
    """`kind: OffloadPoliciesChange`."""
    return doc.OffloadPoliciesChange(
        context=origin.context,
        cluster=origin.cluster,
        admin_urls_from=origin.admin_urls_from,
        dry_run=report.dry_run,
        items=[_change(one, approval) for one in report.outcomes],
        exit_code=int(report.exit_code),
    )


def _change(outcome: PolicyOutcome, approval: Approval) -> doc.PolicyChangeDocument:
    namespace, topic = _names(outcome.plan.wish.scope)
    return doc.PolicyChangeDocument(
        namespace=namespace,
        topic=topic,
        is_global=outcome.plan.wish.is_global,
        state=outcome.state.value,
        changes=[_field_change(one) for one in outcome.plan.changes],
        requests=[_request(one) for one in outcome.plan.requests],
        dangers=[
            doc.DangerDocument(
                kind=one.kind.value,
                text=one.text,
                allowed=one not in outcome.in_the_way,
                allowed_by=approval.flag(one),
            )
            for one in outcome.dangers
        ],
        affected=doc.AffectedDocument(
            topics=outcome.affected.topics,
            ledgers=outcome.affected.ledgers,
            bytes=outcome.affected.size,
            doubt=outcome.affected.doubt,
        ),
        not_as_meant=[_field_change(one) for one in outcome.left],
        error=outcome.error.message if outcome.error is not None else "",
        exit_code=int(outcome.exit_code),
    )


def _field_change(one: FieldChange) -> doc.FieldChangeDocument:
    return doc.FieldChangeDocument(
        field=one.name,
        before=plain_value(one.name, one.before),
        after=plain_value(one.name, one.after),
        why=one.why.value,
    )


def _request(one: PolicyRequest) -> doc.PolicyRequestDocument:
    return doc.PolicyRequestDocument(
        verb=one.verb.value,
        field=one.name or None,
        value=one.value,
        fields=None if one.policy is None else _fields(one.policy),
    )


def _effective(one: EffectiveField) -> doc.EffectiveFieldDocument:
    return doc.EffectiveFieldDocument(
        field=one.name,
        broker_conf=BY_NAME[one.name].setting.key if one.name in BY_NAME else "",
        value=plain_value(one.name, one.value),
        level=one.level.value,
        brought=one.is_brought,
        drift=one.is_drift,
        shadows=[
            doc.ShadowedValueDocument(level=level.value, value=plain_value(one.name, value))
            for level, value in one.shadows
        ],
    )


def _fields(policy: PolicyObject) -> dict[str, str | int]:
    shown = ((name, plain_value(name, value)) for name, value in policy.fields.items())
    return {name: plain for name, plain in shown if plain is not None}


def _for_file(policy: PolicyObject) -> dict[str, str | int]:
    """What can be applied again: what cannot be shown stays as it is, and is never replaced by a mask."""
    return {
        name: plain if plain == policy.get(name) else KEEP
        for name, plain in _fields(policy).items()
        if name not in BY_NAME or policy.get(name) != BY_NAME[name].brought
    }


def _names(scope: PolicyScope) -> tuple[str | None, str | None]:
    return (str(scope), None) if isinstance(scope, NamespaceName) else (None, str(scope))
