"""A cluster's doctor: can it be reached, what may we do, does it offload, and are its policies sound?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Version
from offloadctl.errors import BrokerError, NotAuthenticated, NotAuthorised, NotFound
from offloadctl.model.doctor import DoctorReport, Symptom, Weight
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.operations.policy_levels import PolicyReader
from offloadctl.plan.diagnosis import lint_symptom
from offloadctl.plan.policy_dangers import lint_policies
from offloadctl.plan.rights import Right, rights_symptoms
from offloadctl.ports import BrokerAdmin

_SHOWN: Final = 3
_TRIES: Final = 3
"""In so many namespaces it is looked for what their policies hide of the brokers' settings."""
_OLDEST: Final = "2.10"
"""Older brokers have other REST answers than those that this program was tried with."""


@dataclass(slots=True)
class ClusterDoctor:
    """How to look at a cluster; nothing is changed, and no topic loaded."""

    admin: BrokerAdmin
    identity: str
    """How we say who we are, in words."""
    namespaces: Sequence[NamespaceName] = ()
    """Those to look at; none: all that can be listed."""
    _rights: dict[Right, str | None] = field(default_factory=dict)

    def visit(self) -> DoctorReport:
        """Everything; what cannot be reached at all ends it."""
        symptoms = [*self._reached()]
        if not any(one.weight is Weight.FAILURE for one in symptoms):
            found = self._found()
            topic = self._a_topic(found)
            self._try_rights(found, topic)
            symptoms += [*rights_symptoms(self._rights), *self._settings(), *self._policies(found)]
        return DoctorReport("cluster", tuple(symptoms))

    def _reached(self) -> Iterator[Symptom]:
        try:
            clusters = self.admin.clusters()
            version = self.admin.broker_version()
        except BrokerError as error:
            yield Symptom(
                "unreachable", Weight.FAILURE, "The admin REST service cannot be used.", error.message, do=error.hint
            )
            return
        yield Symptom(
            "reachable",
            Weight.FINE,
            f"The admin REST service answers, as {self.identity}.",
            f"clusters: {', '.join(clusters)}",
        )
        parsed = Version.parse(version)
        if parsed is None or parsed.is_before(_OLDEST):
            what = f"The broker says that it is version {version}, with which this program was not tried."
            yield Symptom("version", Weight.WARNING, what)
        else:
            yield Symptom("version", Weight.FINE, f"The broker is version {version}.")

    def _found(self) -> tuple[NamespaceName, ...]:
        if self.namespaces:
            return tuple(self.namespaces)
        found: list[NamespaceName] = []
        try:
            for tenant in self.admin.tenants():
                found += [one for one in self.admin.namespaces(tenant).names if not one.is_system]
        except BrokerError:
            # Which right is missing the table of rights tells.
            return tuple(found)
        return tuple(found)

    def _a_topic(self, namespaces: Sequence[NamespaceName]) -> TopicName | None:
        for namespace in namespaces:
            try:
                listed = self.admin.topics(namespace).names
            except BrokerError:
                continue
            if listed:
                return listed[0]
        return None

    def _try_rights(self, namespaces: Sequence[NamespaceName], topic: TopicName | None) -> None:
        self._try(Right.SUPER_USER, self.admin.served_topics)
        if namespaces:
            self._try(Right.TENANT_ADMIN, lambda: self.admin.own_offload_policy(namespaces[0]))
        if topic is not None:
            self._try(Right.LOOKUP, lambda: self.admin.stored_ledgers(topic))

    def _try(self, right: Right, ask: Callable[[], object]) -> None:
        try:
            ask()
        except (NotAuthorised, NotAuthenticated) as error:
            self._rights[right] = error.message
        except BrokerError:
            return
        else:
            self._rights[right] = None

    def _settings(self) -> Iterator[Symptom]:
        try:
            settings = self.admin.broker_settings()
        except BrokerError as error:
            yield Symptom("settings", Weight.UNKNOWN, "The broker's own settings are not known.", error.message)
            return
        off = [key for key in ("topicLevelPoliciesEnabled", "systemTopicEnabled") if settings.get(key) == "false"]
        if off:
            yield Symptom(
                "no-topic-policies",
                Weight.WARNING,
                "Topics cannot have policies of their own.",
                ", ".join(f"{key}=false" for key in off),
                do="set both to true in broker.conf, and restart the brokers",
            )
        else:
            yield Symptom("topic-policies", Weight.FINE, "Topics can have policies of their own.")
        driver = settings.get("managedLedgerOffloadDriver", "")
        if driver and driver != "null":
            what = f"The broker has started with the driver {driver}, so its offloader is loaded."
            yield Symptom("offloader", Weight.FINE, what, f"from {settings.get('offloadersDirectory', '?')}")
        else:
            what = (
                "The broker's own settings name no driver: only policies can, and REST does not tell if it is loaded."
            )
            yield Symptom("offloader", Weight.NOTE, what, do="the image pulsar has no offloaders, pulsar-all has them")

    def _policies(self, namespaces: Sequence[NamespaceName]) -> Iterator[Symptom]:
        """What the linter says of each namespace; the same thing in several is told once."""
        told: dict[Symptom, list[str]] = {}
        reader = PolicyReader(self.admin)
        looked_at = 0
        for namespace in namespaces:
            try:
                levels = reader.read(namespace)
            except NotFound as error:
                if self.namespaces:
                    what = f"There is no namespace {namespace}."
                    yield Symptom("no-namespace", Weight.FAILURE, what, error.message, do=error.hint)
                continue
            except BrokerError as error:
                yield Symptom("unread", Weight.UNKNOWN, f"The policies of {namespace} cannot be read.", error.message)
                continue
            looked_at += 1
            if levels.broker_is_known or looked_at == _TRIES:
                # The brokers' own settings are the same for all, and looking for them takes many requests.
                reader = PolicyReader(self.admin, levels)
            for one in _worth_telling(lint_policies(levels)):
                told.setdefault(lint_symptom(one), []).append(str(namespace))
        for symptom, where in told.items():
            more = f" and {len(where) - _SHOWN} more" if len(where) > _SHOWN else ""
            evidence = f"in {', '.join(where[:_SHOWN])}{more}"
            yield Symptom(symptom.id, symptom.weight, symptom.what, evidence, symptom.means, symptom.do)
        if looked_at and not told:
            yield Symptom("policies", Weight.FINE, f"What is in force in {looked_at} namespaces is sound.")
        elif not namespaces:
            what = "No namespace could be listed, so no policy was looked at."
            yield Symptom("policies", Weight.UNKNOWN, what, do="name namespaces: offloadctl doctor cluster -n T/NS")


def _worth_telling(findings: Sequence[LintFinding]) -> Iterator[LintFinding]:
    return (one for one in findings if one.rule.severity is not LintSeverity.NOTE)
