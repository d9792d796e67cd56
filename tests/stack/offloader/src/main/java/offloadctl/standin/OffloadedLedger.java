package offloadctl.standin;

import io.netty.buffer.Unpooled;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.apache.bookkeeper.client.api.LastConfirmedAndEntry;
import org.apache.bookkeeper.client.api.LedgerEntries;
import org.apache.bookkeeper.client.api.LedgerEntry;
import org.apache.bookkeeper.client.api.LedgerMetadata;
import org.apache.bookkeeper.client.api.ReadHandle;
import org.apache.bookkeeper.client.impl.LedgerEntriesImpl;
import org.apache.bookkeeper.client.impl.LedgerEntryImpl;
import org.apache.bookkeeper.mledger.LedgerOffloaderStats;
import org.apache.bookkeeper.mledger.offload.OffloadUtils;

/** A closed ledger that is read from its two objects. */
final class OffloadedLedger implements ReadHandle {

    /** Counts one topic's reads. */
    record Meter(LedgerOffloaderStats stats, String topic) {}

    private final long id;
    private final OffloadIndex index;
    private final LedgerMetadata metadata;
    private final Window window;
    private final Executor thread;
    private final Meter meter;
    // Where the last read ended, so that reading on needs no search.
    private long nextEntryId = -1;
    private long nextOffset;
    private volatile boolean closed;

    private OffloadedLedger(long id, OffloadIndex index, Window window, Executor thread, Meter meter)
            throws IOException {
        this.id = id;
        this.index = index;
        this.metadata = OffloadUtils.parseLedgerMetadata(id, index.ledgerMetadata());
        this.window = window;
        this.thread = thread;
        this.meter = meter;
    }

    /** Reads the index; the data is left for later. */
    static OffloadedLedger open(
            OffloadStore store,
            String bucket,
            StandInOffloader.ObjectKeys keys,
            int readBufferSize,
            Executor thread,
            Meter meter)
            throws IOException {
        long start = System.nanoTime();
        OffloadIndex index = OffloadIndex.decode(store.get(bucket, keys.index()));
        meter.stats().recordReadOffloadIndexLatency(meter.topic(), System.nanoTime() - start, TimeUnit.NANOSECONDS);
        Window window = new Window(index.dataLength(), readBufferSize, (first, last) -> {
            long before = System.nanoTime();
            byte[] bytes = store.get(bucket, keys.data(), first, last);
            meter.stats().recordReadOffloadDataLatency(
                    meter.topic(), System.nanoTime() - before, TimeUnit.NANOSECONDS);
            meter.stats().recordReadOffloadBytes(meter.topic(), bytes.length);
            return bytes;
        });
        return new OffloadedLedger(keys.ledgerId(), index, window, thread, meter);
    }

    @Override
    public CompletableFuture<LedgerEntries> readAsync(long firstEntry, long lastEntry) {
        CompletableFuture<LedgerEntries> promise = new CompletableFuture<>();
        thread.execute(() -> {
            try {
                promise.complete(LedgerEntriesImpl.create(readEntries(firstEntry, lastEntry)));
            } catch (Exception failure) {
                meter.stats().recordReadOffloadError(meter.topic());
                promise.completeExceptionally(failure);
            }
        });
        return promise;
    }

    @Override
    public CompletableFuture<LedgerEntries> readUnconfirmedAsync(long firstEntry, long lastEntry) {
        return readAsync(firstEntry, lastEntry);
    }

    @Override
    public CompletableFuture<Long> readLastAddConfirmedAsync() {
        return CompletableFuture.completedFuture(getLastAddConfirmed());
    }

    @Override
    public CompletableFuture<Long> tryReadLastAddConfirmedAsync() {
        return readLastAddConfirmedAsync();
    }

    @Override
    public CompletableFuture<LastConfirmedAndEntry> readLastAddConfirmedAndEntryAsync(
            long entryId, long timeOutInMillis, boolean parallel) {
        return CompletableFuture.failedFuture(new UnsupportedOperationException("an offloaded ledger is closed"));
    }

    @Override
    public long getLastAddConfirmed() {
        return metadata.getLastEntryId();
    }

    @Override
    public long getLength() {
        return metadata.getLength();
    }

    @Override
    public boolean isClosed() {
        return metadata.isClosed();
    }

    @Override
    public long getId() {
        return id;
    }

    @Override
    public LedgerMetadata getLedgerMetadata() {
        return metadata;
    }

    @Override
    public CompletableFuture<Void> closeAsync() {
        closed = true;
        return CompletableFuture.completedFuture(null);
    }

    private List<LedgerEntry> readEntries(long first, long last) throws IOException {
        if (closed || first < 0 || first > last || last > getLastAddConfirmed()) {
            throw new IllegalArgumentException(
                    "ledger " + id + ": cannot read entries " + first + " to " + last + (closed ? ", closed" : ""));
        }
        Map.Entry<Long, OffloadIndex.Block> block = index.blocks().floorEntry(first);
        // A block's first entry is found by the index: where the last read ended is then in the block before.
        boolean readsOn = first == nextEntryId && first != block.getKey();
        long offset = readsOn ? nextOffset : block.getValue().offset() + LedgerBlocks.HEADER_LENGTH;
        long expected = readsOn ? first : block.getKey();
        List<LedgerEntry> entries = new ArrayList<>();
        while (expected <= last) {
            Map.Entry<Long, OffloadIndex.Block> next = index.blocks().higherEntry(block.getKey());
            long blockEnd = next == null ? index.dataLength() : next.getValue().offset();
            int length = blockEnd - offset < Integer.BYTES ? -1 : window.at(offset, Integer.BYTES).getInt();
            if (length < 0) { // padding, or the end of the block
                if (next == null) {
                    throw new EOFException("ledger " + id + ": the data ends before entry " + expected);
                }
                block = next;
                offset = blockEnd + LedgerBlocks.HEADER_LENGTH;
                continue;
            }
            long entryId = window.at(offset + Integer.BYTES, Long.BYTES).getLong();
            if (entryId != expected) {
                throw new IOException("ledger " + id + ": entry " + entryId + " where " + expected + " belongs");
            }
            if (entryId >= first) {
                byte[] payload = new byte[length];
                window.at(offset + LedgerBlocks.ENTRY_HEADER_LENGTH, length).get(payload);
                entries.add(LedgerEntryImpl.create(id, entryId, length, Unpooled.wrappedBuffer(payload)));
            }
            offset += LedgerBlocks.ENTRY_HEADER_LENGTH + length;
            expected++;
        }
        nextEntryId = expected;
        nextOffset = offset;
        return entries;
    }

    /** A part of the data object held in memory, fetched a read buffer at a time. */
    private static final class Window {
        interface Source {
            byte[] fetch(long first, long last) throws IOException;
        }

        private final long objectLength;
        private final int size;
        private final Source source;
        private long start;
        private byte[] bytes = {};

        Window(long objectLength, int size, Source source) {
            this.objectLength = objectLength;
            this.size = size;
            this.source = source;
        }

        /** The {@code length} bytes at {@code offset} of the object. */
        ByteBuffer at(long offset, int length) throws IOException {
            if (offset + length > objectLength) {
                throw new EOFException("the data ends at " + objectLength + ", before " + (offset + length));
            }
            if (offset < start || offset + length > start + bytes.length) {
                long last = Math.min(offset + Math.max(size, length), objectLength) - 1;
                bytes = source.fetch(offset, last);
                start = offset;
            }
            return ByteBuffer.wrap(bytes, (int) (offset - start), length);
        }
    }
}
