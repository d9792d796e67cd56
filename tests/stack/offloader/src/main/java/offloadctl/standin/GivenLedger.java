package offloadctl.standin;

import io.netty.buffer.Unpooled;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.bookkeeper.client.api.LastConfirmedAndEntry;
import org.apache.bookkeeper.client.api.LedgerEntries;
import org.apache.bookkeeper.client.api.LedgerEntry;
import org.apache.bookkeeper.client.api.LedgerMetadata;
import org.apache.bookkeeper.client.api.ReadHandle;
import org.apache.bookkeeper.client.impl.LedgerEntriesImpl;
import org.apache.bookkeeper.client.impl.LedgerEntryImpl;
import org.apache.bookkeeper.mledger.offload.OffloadUtils;

/** A closed ledger whose entries are held in memory. */
final class GivenLedger implements ReadHandle {
    private final LedgerMetadata metadata;
    private final List<byte[]> entries;

    private GivenLedger(LedgerMetadata metadata, List<byte[]> entries) {
        this.metadata = metadata;
        this.entries = entries;
    }

    static GivenLedger read(Path directory) throws IOException {
        List<byte[]> entries = new ArrayList<>();
        try (DataInputStream file = new DataInputStream(Files.newInputStream(directory.resolve("entries")))) {
            while (file.available() > 0) {
                entries.add(file.readNBytes(file.readInt()));
            }
        }
        long id = Long.parseLong(directory.getFileName().toString());
        byte[] metadata = Files.readAllBytes(directory.resolve("metadata"));
        return new GivenLedger(OffloadUtils.parseLedgerMetadata(id, metadata), entries);
    }

    @Override
    public CompletableFuture<LedgerEntries> readAsync(long first, long last) {
        List<LedgerEntry> found = new ArrayList<>();
        for (long id = first; id <= last; id++) {
            byte[] entry = entries.get((int) id);
            found.add(LedgerEntryImpl.create(getId(), id, entry.length, Unpooled.wrappedBuffer(entry)));
        }
        return CompletableFuture.completedFuture(LedgerEntriesImpl.create(found));
    }

    @Override
    public CompletableFuture<LedgerEntries> readUnconfirmedAsync(long first, long last) {
        return readAsync(first, last);
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
        return CompletableFuture.failedFuture(new UnsupportedOperationException("a given ledger is closed"));
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
        return metadata.getLedgerId();
    }

    @Override
    public LedgerMetadata getLedgerMetadata() {
        return metadata;
    }

    @Override
    public CompletableFuture<Void> closeAsync() {
        return CompletableFuture.completedFuture(null);
    }
}
