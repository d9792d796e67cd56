"""What goes wrong, when and where: drawn from a seed, for weeks, until it is told to stop."""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from offloadctl.demo.faults import Fault
from offloadctl.operations.schedule_pauses import EVERY, pause, resume
from tests.soak.bucket import StoreTrouble
from tests.soak.ports import LOG_FAILURES
from tests.soak.process import Process, Trap
from tests.soak.schedules import BROKEN, NAMES, text_of
from tests.soak.world import BRIEF_NAMES, STEADY, HttpTrouble, World

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_BETWEEN_S: Final = 1.5 * _HOUR
"""Troubles come so often on average."""
_LIES_IN_WAIT_S: Final = 20.0
_GIVES_UP_AFTER: Final = 2000

_POINTS: Final = (
    "before append",
    "after append",
    "before act",
    "after begin_run",
    "before begin_step",
    "after begin_step",
    "before trigger_offload",
    "after trigger_offload",
    "before offload_status",
    "before end_step",
    "after end_step",
    "before end_run",
    "after end_run",
)


class Troubles:
    """Makes them happen."""

    def __init__(self, world: World, processes: Sequence[Process], seed: int) -> None:
        self._world = world
        self._processes = processes
        self._random = random.Random(f"troubles {seed}")
        self._goes_on = True
        self._kinds: dict[Callable[[], None], float] = {
            self._of_requests: 4,
            self._http: 3,
            self._of_an_offload: 5,
            self._store: 5,
            self._broker_dies: 3,
            self._topic_is_unloaded: 3,
            self._kill: 3,
            self._trap: 6,
            self._freeze: 2,
            self._depose: 3,
            self._terminate: 2,
            self._clock_is_set: 2,
            self._log_fails: 3,
            self._people_pause: 2,
            self._people_edit: 2,
            self._topic_comes_or_goes: 3,
        }
        self._next()
        world.timeline.after(6 * _HOUR, self._people_look)

    def stop(self) -> None:
        """From now on nothing goes wrong, and what did is put in order as people do it."""
        self._goes_on = False
        world = self._world
        world.cluster.faults.clear()
        world.bucket.troubles.going_on.clear()
        world.http.going_on.clear()
        for one in self._processes:
            one.life.frozen_until = 0.0
            one.clock.off = timedelta()
            one.trap, one.log_fails = None, ""
        for name in (EVERY, *NAMES):
            resume(world.lease.log, name, world.clock.now(), by="ann")
        self._write(text_of())
        self._put_in_order()

    def _next(self) -> None:
        if not self._goes_on:
            return
        kind = self._random.choices(list(self._kinds), weights=list(self._kinds.values()))[0]
        kind()
        self._world.timeline.after(self._random.expovariate(1 / _BETWEEN_S), self._next)

    def _count(self, what: str) -> None:
        self._world.truth.faults[what] += 1

    # -- brokers, bucket, and the way to them

    def _of_requests(self) -> None:
        fault = self._random.choice([Fault.UNAVAILABLE, Fault.RESET, Fault.SLOW, Fault.BUNDLE_UNLOADING])
        topic = self._random.choice(STEADY) if fault is Fault.BUNDLE_UNLOADING else None
        self._world.cluster.faults.plant(fault, topic=topic, count=self._random.randint(1, 12))

    def _http(self) -> None:
        trouble = self._random.choice([HttpTrouble.ERRORS, HttpTrouble.AFTER, HttpTrouble.DENIED])
        self._count(trouble)
        until = self._world.clock.now() + timedelta(minutes=self._random.uniform(2, 90))
        self._world.http.going_on[trouble] = until

    def _of_an_offload(self) -> None:
        fault = self._random.choice(
            [
                Fault.STUCK_RUNNING,
                Fault.STALLED_UPLOAD,
                Fault.CRASH_BEFORE_INDEX,
                Fault.CRASH_BEFORE_INDEX,
                Fault.LOST_OBJECT,
                Fault.LOST_INDEX,
                Fault.TRUNCATED_LEDGER,
            ]
        )
        self._world.cluster.faults.plant(fault, topic=self._random.choice((*STEADY, *BRIEF_NAMES)), count=1)

    def _store(self) -> None:
        trouble = self._random.choice(list(StoreTrouble))
        self._count(trouble)
        hours = self._random.uniform(0.2, 8 if trouble is StoreTrouble.BROKER_DELETES else 2)
        self._world.bucket.troubles.going_on[trouble] = self._world.clock.now() + timedelta(hours=hours)

    def _broker_dies(self) -> None:
        broker = self._random.choice(self._world.cluster.brokers)
        threads = self._world.cluster.offloading._threads[broker]

        def die() -> None:
            self._count("broker-killed-mid-upload")
            self._world.cluster.crash_broker(broker)

        self._once(lambda: bool(threads.running), die)

    def _topic_is_unloaded(self) -> None:
        topic, moves = self._random.choice(STEADY), self._random.random() < 0.3
        cluster = self._world.cluster

        def unload() -> None:
            self._count("bundle-moved-mid-run" if moves else "topic-unloaded-mid-run")
            if moves:
                cluster.move_bundle(topic, self._random.choice(cluster.brokers))
            else:
                cluster.unload(topic)

        self._once(lambda: (one := cluster.loaded_topic(topic)) is not None and one.run is not None, unload)

    def _once(self, holds: Callable[[], bool], do: Callable[[], None], tries: int = _GIVES_UP_AFTER) -> None:
        """Lie in wait for a moment."""
        if not self._goes_on or not tries:
            return
        if self._world.cluster.offloading.busy:
            self._world.cluster.advance()
        if holds():
            do()
        else:
            self._world.timeline.after(_LIES_IN_WAIT_S, lambda: self._once(holds, do, tries - 1))

    # -- our processes

    def _kill(self) -> None:
        at_work = self._random.random() < 0.7

        def kill() -> None:
            self._count("killed-at-work" if at_work else "killed")
            self._die(self._leader())

        self._once(self._leads_a_run if at_work else lambda: True, kill)

    def _trap(self) -> None:
        process, point = self._leader(), self._random.choice(_POINTS)
        stops = self._random.random() < 0.35
        process.trap = Trap(point, self._random.uniform(1, 90) * _MINUTE if stops else None)

    def _freeze(self) -> None:
        seconds = self._random.uniform(0.5, 90) * _MINUTE

        def freeze() -> None:
            self._count("stopped-at-work")
            self._leader().freeze(seconds)

        self._once(self._leads_a_run, freeze)

    def _depose(self) -> None:
        def depose() -> None:
            self._count("lease-lost-at-work")
            self._leader().depose()

        self._once(self._leads_a_run, depose)

    def _terminate(self) -> None:
        self._count("terminated")
        process = self._leader()
        life = process.life
        process.terminate()
        self._world.timeline.after(self._random.uniform(1, 40) * _MINUTE, lambda: self._start(process, life))

    def _clock_is_set(self) -> None:
        self._count("clock-set")
        process = self._random.choice(self._processes)
        process.clock.off = timedelta(minutes=self._random.choice([0, self._random.uniform(-300, 300)]))
        self._world.timeline.wake(process.life)

    def _log_fails(self) -> None:
        self._leader().log_fails = self._random.choice(LOG_FAILURES)

    def _die(self, process: Process) -> None:
        process.kill()
        self._starts_again(process)

    def _starts_again(self, process: Process) -> None:
        life = process.life
        self._world.timeline.after(self._random.uniform(0.2, 60) * _MINUTE, lambda: self._start(process, life))

    def _start(self, process: Process, life: object) -> None:
        """Whoever supervises it, unless somebody else was faster."""
        if process.life is life:
            if not process.life.is_over:
                process.kill()
            process.start()

    def _leader(self) -> Process:
        holder = self._world.lease._holder
        return next((one for one in self._processes if holder is not None and one.term is holder), self._processes[0])

    def _leads_a_run(self) -> bool:
        runs = self._leader()._runs
        return runs is not None and runs.going_on > 0

    # -- people

    def _people_pause(self) -> None:
        self._count("paused")
        world, name = self._world, self._random.choice((*NAMES, EVERY))
        now, hours = world.clock.now(), self._random.uniform(0.5, 12)
        until = now + timedelta(hours=hours) if self._random.random() < 0.5 else None
        pause(world.lease.log, name, now, until=until, reason="it is quiet tonight", by="ann")
        if until is None:

            def go_on() -> None:
                resume(world.lease.log, name, world.clock.now(), by="ann")

            world.timeline.after(hours * _HOUR, go_on)

    def _people_edit(self) -> None:
        self._count("schedules-edited")
        choice = self._random.random()
        if choice < 0.25:
            self._write(BROKEN)
        elif choice < 0.6:
            self._write(text_of(without=self._random.choice(NAMES)))
        elif choice < 0.8:
            self._write(text_of(index_at=self._random.choice(["50 */3 * * *", "5,35 * * * *"])))
        else:
            self._write(text_of(above=self._random.choice([2, 4, 6, 9])))
        self._world.timeline.after(self._random.uniform(1, 14) * _HOUR, self._mend_file)

    def _mend_file(self) -> None:
        if self._goes_on:
            self._write(text_of())

    def _write(self, text: str) -> None:
        file = self._processes[0].file
        new = file.with_suffix(".new")
        new.write_text(text)
        new.replace(file)

    def _topic_comes_or_goes(self) -> None:
        topic = self._random.choice(BRIEF_NAMES)
        if topic in self._world.cluster.metadata:
            self._count("topic-deleted")
            self._world.delete(topic)
        else:
            self._count("topic-created")
            self._world.create(topic)

    def _people_look(self) -> None:
        """Every few hours somebody follows the advice that runs give of what stands still, and starts what is dead."""
        if self._goes_on:
            self._put_in_order()
            self._world.timeline.after(self._random.uniform(2, 10) * _HOUR, self._people_look)

    def _put_in_order(self) -> None:
        world = self._world
        for topic in list(world.cluster.loaded):
            if world.is_stuck(topic):
                world.cluster.unload(topic)
        for broker in world.stalled_brokers():
            world.cluster.crash_broker(broker)
        for process in self._processes:
            if process.life.is_over:
                process.start()
