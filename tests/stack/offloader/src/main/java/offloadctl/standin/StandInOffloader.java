package offloadctl.standin;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.apache.bookkeeper.client.api.ReadHandle;
import org.apache.bookkeeper.common.util.OrderedScheduler;
import org.apache.bookkeeper.mledger.LedgerOffloader;
import org.apache.bookkeeper.mledger.LedgerOffloaderStats;
import org.apache.pulsar.common.naming.TopicName;
import org.apache.pulsar.common.policies.data.OffloadPolicies;
import org.apache.pulsar.common.policies.data.OffloadPoliciesImpl;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** TEST ONLY: offloads ledgers to S3 in the steps and the format of Pulsar's own offloader. */
public final class StandInOffloader implements LedgerOffloader {
    private static final Logger LOG = LoggerFactory.getLogger(StandInOffloader.class);
    private static final String MANAGED_LEDGER_NAME = "ManagedLedgerName";

    private final OffloadPoliciesImpl policies;
    private final Settings settings;
    private final Map<String, String> userMetadata;
    private final OrderedScheduler scheduler;
    private final LedgerOffloaderStats stats;
    private OffloadStore store;

    StandInOffloader(
            OffloadPoliciesImpl policies,
            Map<String, String> userMetadata,
            OrderedScheduler scheduler,
            LedgerOffloaderStats stats) {
        this.policies = policies;
        this.settings = new Settings(policies);
        this.userMetadata = userMetadata;
        this.scheduler = scheduler;
        this.stats = stats;
        LOG.warn("TEST ONLY: the stand-in offloader is used, driver {}", settings.driver.driverName);
    }

    @Override
    public String getOffloadDriverName() {
        return settings.driver.driverName;
    }

    @Override
    public Map<String, String> getOffloadDriverMetadata() {
        return settings.driverMetadata();
    }

    @Override
    public OffloadPolicies getOffloadPolicies() {
        return policies;
    }

    @Override
    public CompletableFuture<Void> offload(ReadHandle ledger, UUID uuid, Map<String, String> extraMetadata) {
        CompletableFuture<Void> promise = new CompletableFuture<>();
        scheduler.chooseThread(ledger.getId()).execute(() -> {
            if (ledger.getLength() == 0 || !ledger.isClosed() || ledger.getLastAddConfirmed() < 0) {
                promise.completeExceptionally(
                        new IllegalArgumentException("An empty or open ledger should never be offloaded"));
                return;
            }
            // Before the try, as in Pulsar: without credentials the promise stays open, the status RUNNING.
            OffloadStore connected = store();
            try {
                upload(connected, ledger, uuid, extraMetadata);
                promise.complete(null);
            } catch (Exception failure) {
                LOG.error("Failed to offload ledger {} as {}", ledger.getId(), uuid, failure);
                promise.completeExceptionally(failure);
            }
        });
        return promise;
    }

    @Override
    public CompletableFuture<ReadHandle> readOffloaded(long ledgerId, UUID uuid, Map<String, String> driverMetadata) {
        return onLedgerThread(ledgerId, () -> OffloadedLedger.open(
                store(),
                driverMetadata.get("bucket"),
                new ObjectKeys(uuid, ledgerId),
                settings.readBufferSize(),
                scheduler.chooseThread(ledgerId),
                new OffloadedLedger.Meter(stats, topic(driverMetadata))));
    }

    @Override
    public CompletableFuture<Void> deleteOffloaded(long ledgerId, UUID uuid, Map<String, String> driverMetadata) {
        ObjectKeys keys = new ObjectKeys(uuid, ledgerId);
        return onLedgerThread(ledgerId, () -> {
            store().delete(driverMetadata.get("bucket"), List.of(keys.data(), keys.index()));
            return null;
        });
    }

    @Override
    public synchronized void close() {
        if (store != null) {
            store.close();
        }
    }

    private void upload(OffloadStore connected, ReadHandle ledger, UUID uuid, Map<String, String> extraMetadata)
            throws Exception {
        ObjectKeys keys = new ObjectKeys(uuid, ledger.getId());
        String bucket = settings.bucket();
        String topic = topic(extraMetadata);
        OffloadStore.Upload upload = connected.startUpload(bucket, keys.data(), objectMetadata(extraMetadata, "data"));
        OffloadIndex index;
        try {
            index = LedgerWriter.write(ledger, settings.maxBlockSize(), (part, block) -> {
                upload.put(part, block.bytes());
                stats.recordOffloadBytes(topic, block.entryBytes());
            });
            upload.complete();
        } catch (Exception failure) {
            countFailure(topic);
            cleanUp(upload::abort, failure);
            throw failure;
        }
        try {
            connected.put(bucket, keys.index(), objectMetadata(extraMetadata, "index"), index.encode());
        } catch (Exception failure) {
            countFailure(topic);
            cleanUp(() -> connected.delete(bucket, List.of(keys.data())), failure);
            throw failure;
        }
    }

    private void countFailure(String topic) {
        stats.recordWriteToStorageError(topic);
        stats.recordOffloadError(topic);
    }

    private static void cleanUp(Runnable step, Exception failure) {
        try {
            step.run();
        } catch (RuntimeException second) {
            failure.addSuppressed(second);
        }
    }

    /** The user metadata of an object; S3 has its keys in lower case. */
    private Map<String, String> objectMetadata(Map<String, String> extraMetadata, String role) {
        Map<String, String> metadata = new TreeMap<>();
        userMetadata.forEach((key, value) -> metadata.put(key.toLowerCase(Locale.ROOT), value));
        extraMetadata.forEach((key, value) -> metadata.put(key.toLowerCase(Locale.ROOT), value));
        metadata.put("role", role);
        return metadata;
    }

    private synchronized OffloadStore store() {
        if (store == null) {
            store = OffloadStore.connect(settings, System.getenv());
        }
        return store;
    }

    private <T> CompletableFuture<T> onLedgerThread(long ledgerId, Callable<T> step) {
        CompletableFuture<T> promise = new CompletableFuture<>();
        scheduler.chooseThread(ledgerId).execute(() -> {
            try {
                promise.complete(step.call());
            } catch (Exception failure) {
                LOG.error("A step on the objects of ledger {} failed", ledgerId, failure);
                promise.completeExceptionally(failure);
            }
        });
        return promise;
    }

    private static String topic(Map<String, String> metadata) {
        String name = metadata.get(MANAGED_LEDGER_NAME);
        return name == null ? "unknown" : TopicName.fromPersistenceNamingEncoding(name);
    }

    /** The keys of a ledger's two objects. */
    record ObjectKeys(UUID uuid, long ledgerId) {
        String data() {
            return uuid + "-ledger-" + ledgerId;
        }

        String index() {
            return data() + "-index";
        }
    }
}
