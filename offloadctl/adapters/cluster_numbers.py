"""Numbers of a cluster in bulk: `/metrics` of brokers and bookies, broker-stats, load reports, namespace properties."""

from collections.abc import Callable, Mapping, Sequence
from multiprocessing.pool import ThreadPool
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests

from offloadctl.adapters.closing import Closing
from offloadctl.adapters.metrics_text import Wanted, parse_metrics
from offloadctl.adapters.rest_calls import ADMIN, Call, Reply
from offloadctl.adapters.rest_errors import bad_reply, error_for
from offloadctl.adapters.rest_http import Route, build_session, host_of, send
from offloadctl.adapters.rest_replies import understood
from offloadctl.adapters.rest_transport import Transport
from offloadctl.errors import BrokerError, UsageError
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.settings import BrokerSettings, TlsSettings
from offloadctl.ports import Clock
from offloadctl.ports.schedule import LoadReport, Scrape, TopicLoad

BROKER_METRICS: Final = frozenset(
    {
        "pulsar_storage_logical_size",
        "pulsar_storage_offloaded_size",
        "pulsar_subscription_last_consumed_timestamp",
        "brk_ledgeroffloader_read_offload_rate",
        "brk_ledgeroffloader_write_storage_error",
        "jvm_memory_bytes_used",
        "jvm_memory_bytes_max",
        "jvm_memory_direct_bytes_used",
        "jvm_memory_direct_bytes_max",
    }
)
_OF_A_PROXY: Final = "pulsar_proxy_active_connections"
_BOOKIE_PORT: Final = 8000
"""prometheusStatsHttpPort and httpServerPort of Pulsar's bookkeeper.conf."""

_AT_ONCE: Final = 8

Answer = TypeVar("Answer")
Asked = TypeVar("Asked")


class PulsarNumbers(Closing):
    """Keeps the promises of `ports.schedule.ClusterNumbers`. Safe to share between threads; close it."""

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        *,
        bookie_urls: tuple[str, ...] = (),
        session: requests.Session | None = None,
    ) -> None:
        self._transport = Transport(settings, clock, session)
        self._clock = clock
        self._bookie_urls = bookie_urls
        route = Route.of(settings)
        # Dead ones must not hold up an evaluation.
        self._to_bookies = Route(min(route.connect_timeout, 5.0), min(route.read_timeout, 15.0), route.proxy)
        # Bookies get none of our credentials: their page asks for none.
        self._session = session or build_session(TlsSettings(settings.tls.ca_file, verify=settings.tls.verify))

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()
        self._session.close()

    def topic_loads(self) -> Mapping[TopicName, TopicLoad]:
        """Of all brokers together."""
        call = Call("GET", f"{ADMIN}/broker-stats/topics")
        found: dict[TopicName, TopicLoad] = {}
        for _, at in self._brokers():
            found |= understood(self._transport.read(call, at=at), dict[str, dict[str, _Bundle]], _loads)
        return found

    def broker_metrics(self) -> tuple[Scrape, ...]:
        """Of each broker; the servlet wants the slash."""
        call = Call("GET", "/metrics/")

        def scrape(name: str, at: str | None) -> Scrape:
            reply = self._transport.read(call, at=at)
            return self._parsed(reply, name or reply.host, (BROKER_METRICS | {_OF_A_PROXY}).__contains__)

        found = tuple(self._each(scrape, lambda name, why: Scrape(name, self._clock.now(), why=why)))
        return tuple(_not_of_a_proxy(one) for one in found)

    def bookie_metrics(self) -> tuple[Scrape, ...]:
        """Of the bookies that the settings name, or else of those that the brokers know, at their usual port."""
        call = Call("GET", "/metrics")

        def scrape(url: str) -> Scrape:
            try:
                reply = send(self._session, call, url + call.path, route=self._to_bookies, headers={})
                if not reply.is_success:
                    raise error_for(reply)
                return self._parsed(reply, host_of(url), _is_disk)
            except BrokerError as error:
                return Scrape(host_of(url), self._clock.now(), why=error.message)

        return _at_once(scrape, self._bookie_urls or self._known_bookies())

    def load_reports(self) -> tuple[LoadReport, ...]:
        """Of each broker; 204 where there is no load manager."""
        call = Call("GET", f"{ADMIN}/broker-stats/load-report")

        def report(name: str, at: str | None) -> LoadReport:
            reply = self._transport.read(call, at=at)
            instance, now = name or reply.host, self._clock.now()
            if _is_nothing(reply):
                return LoadReport(instance, now, why="the broker has no load report: one that stands alone makes none")
            cpu = understood(reply, _LoadReport, lambda one: one.cpu)
            share = cpu.usage / cpu.limit if cpu.limit > 0 else None
            return LoadReport(instance, now, share, "" if share is not None else "the load report has no limit")

        return tuple(self._each(report, lambda name, why: LoadReport(name, self._clock.now(), why=why)))

    def namespace_properties(self, namespace: NamespaceName) -> Mapping[str, str]:
        """A namespace without any says null, or nothing."""
        reply = self._transport.read(Call("GET", f"{ADMIN}/namespaces/{namespace}/properties"))
        return {} if _is_nothing(reply) else understood(reply, dict[str, str], lambda given: given)

    def _brokers(self) -> tuple[tuple[str, str | None], ...]:
        """Name and address of each; the only one is whoever answers, and its own name may mean nothing out here."""
        names = self._transport.list_brokers()
        if len(names) <= 1:
            return (("", None),)
        return tuple((name, self._transport.url_of(name)) for name in names)

    def _each(
        self, ask: Callable[[str, str | None], Answer], silent: Callable[[str, str], Answer]
    ) -> tuple[Answer, ...]:
        """The answer of each broker; one that fails is told, and the only one that there is raises."""
        brokers = self._brokers()

        def attempt(broker: tuple[str, str | None]) -> Answer:
            try:
                return ask(*broker)
            except BrokerError as error:
                if len(brokers) == 1:
                    raise
                return silent(broker[0], error.message)

        return _at_once(attempt, brokers)

    def _known_bookies(self) -> tuple[str, ...]:
        reply = self._transport.read(Call("GET", f"{ADMIN}/bookies/all"))
        return understood(reply, _Bookies, lambda known: tuple(_bookie_url(one.bookie_id) for one in known.bookies))

    def _parsed(self, reply: Reply, instance: str, wanted: Wanted) -> Scrape:
        try:
            return parse_metrics(reply.body.decode("utf-8"), instance, self._clock.now(), wanted)
        except ValueError as error:
            raise bad_reply(reply, str(error), hint="these are no metrics in Prometheus' text form") from error


def _at_once(ask: Callable[[Asked], Answer], asked: Sequence[Asked]) -> tuple[Answer, ...]:
    """The answers in order, several asked at the same time; an interruption waits for none of them.

    The threads are daemons, those of an executor are not: whoever does not answer must not keep the process.
    """
    with ThreadPool(_AT_ONCE) as pool:
        return tuple(pool.map(ask, asked, chunksize=1))


class _Subscription(msgspec.Struct, frozen=True, rename="camel"):
    msg_backlog: int = 0


class _TopicNumbers(msgspec.Struct, frozen=True, rename="camel"):
    storage_size: int
    backlog_size: int = 0
    bytes_out_count: int = 0
    subscriptions: dict[str, _Subscription] = {}


class _Bundle(msgspec.Struct, frozen=True):
    persistent: dict[str, _TopicNumbers] = {}


class _Usage(msgspec.Struct, frozen=True):
    usage: float
    limit: float


class _LoadReport(msgspec.Struct, frozen=True):
    cpu: _Usage


class _Bookie(msgspec.Struct, frozen=True, rename="camel"):
    bookie_id: str


class _Bookies(msgspec.Struct, frozen=True):
    bookies: tuple[_Bookie, ...] = ()


def _loads(namespaces: Mapping[str, Mapping[str, _Bundle]]) -> dict[TopicName, TopicLoad]:
    found = {}
    for bundles in namespaces.values():
        for bundle in bundles.values():
            for name, numbers in bundle.persistent.items():
                try:
                    topic = TopicName.parse(name)
                except UsageError:
                    # Pulsar 1 names, such as the brokers' own heartbeat topics.
                    continue
                found[topic] = TopicLoad(
                    numbers.storage_size,
                    numbers.backlog_size,
                    max((one.msg_backlog for one in numbers.subscriptions.values()), default=0),
                    numbers.bytes_out_count,
                )
    return found


def _is_nothing(reply: Reply) -> bool:
    return reply.body.strip() in (b"", b"null")


def _is_disk(name: str) -> bool:
    """Whether it is the share, in percent, of a ledger directory's disk that is in use (LedgerDirsManager.java)."""
    return name.startswith("bookie_ledger_dir_") and name.endswith("_usage")


def _bookie_url(bookie_id: str) -> str:
    host = urlsplit(f"//{bookie_id}").hostname or bookie_id
    return f"http://{f'[{host}]' if ':' in host else host}:{_BOOKIE_PORT}"


def _not_of_a_proxy(scrape: Scrape) -> Scrape:
    if _OF_A_PROXY not in scrape.families:
        return scrape
    return Scrape(
        scrape.instance, scrape.at, why="these are a Pulsar proxy's metrics: admin_urls must name the broker itself"
    )
