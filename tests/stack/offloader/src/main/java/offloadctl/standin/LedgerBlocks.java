package offloadctl.standin;

import java.nio.ByteBuffer;
import java.util.NoSuchElementException;
import org.apache.bookkeeper.client.api.LedgerEntries;
import org.apache.bookkeeper.client.api.LedgerEntry;
import org.apache.bookkeeper.client.api.ReadHandle;

/**
 * Cuts a closed ledger into the blocks of a data object, in order.
 *
 * <p>A block is a header of 128 bytes, whole entries, and padding up to its length. All numbers are
 * big-endian.
 */
final class LedgerBlocks {
    static final int HEADER_LENGTH = 128;
    static final int ENTRY_HEADER_LENGTH = Integer.BYTES + Long.BYTES;
    private static final int MAGIC = 0xFBDBABCB;
    private static final byte[] PADDING = {(byte) 0xFE, (byte) 0xDC, (byte) 0xDE, (byte) 0xAD};
    private static final int MAX_ENTRIES_PER_READ = 100;
    private static final int BYTES_PER_READ = 4 * 1024 * 1024;

    /** One block; a block without entries is padding only and nothing follows it. */
    record Block(long firstEntryId, int entries, long entryBytes, byte[] bytes) {}

    private final ReadHandle ledger;
    private final int maxBlockSize;
    private final int entriesPerRead;
    private long nextEntryId;
    private long entryBytesWritten;
    private boolean stuck;

    LedgerBlocks(ReadHandle ledger, int maxBlockSize) {
        this.ledger = ledger;
        this.maxBlockSize = maxBlockSize;
        long averageEntry = Math.max(1, ledger.getLength() / (ledger.getLastAddConfirmed() + 1));
        this.entriesPerRead = (int) Math.max(1, Math.min(MAX_ENTRIES_PER_READ, BYTES_PER_READ / averageEntry));
    }

    /**
     * Whether a block is left. As in Pulsar, an entry too large for an empty block ends the object after a
     * block of padding, and nobody is told.
     */
    boolean hasNext() {
        return !stuck && nextEntryId <= ledger.getLastAddConfirmed();
    }

    Block next() throws Exception {
        if (!hasNext()) {
            throw new NoSuchElementException("ledger " + ledger.getId() + " has no more blocks");
        }
        long first = nextEntryId;
        int length = nextBlockLength();
        ByteBuffer block = ByteBuffer.allocate(length);
        block.putInt(MAGIC).putLong(HEADER_LENGTH).putLong(length).putLong(first).position(HEADER_LENGTH);
        int entries = fill(block);
        long entryBytes = block.position() - HEADER_LENGTH - (long) entries * ENTRY_HEADER_LENGTH;
        pad(block);
        entryBytesWritten += entryBytes;
        stuck = entries == 0;
        return new Block(first, entries, entryBytes, block.array());
    }

    /** The most a block may hold, or exactly what is left if that is less. */
    private int nextBlockLength() {
        long entriesLeft = ledger.getLastAddConfirmed() - nextEntryId + 1;
        long bytesLeft = ledger.getLength() - entryBytesWritten;
        return (int) Math.min(maxBlockSize, entriesLeft * ENTRY_HEADER_LENGTH + bytesLeft + HEADER_LENGTH);
    }

    /** Puts entries into the block until one does not fit, and counts them. */
    private int fill(ByteBuffer block) throws Exception {
        int count = 0;
        while (nextEntryId <= ledger.getLastAddConfirmed()) {
            long last = Math.min(nextEntryId + entriesPerRead - 1, ledger.getLastAddConfirmed());
            try (LedgerEntries entries = ledger.read(nextEntryId, last)) {
                for (LedgerEntry entry : entries) {
                    ByteBuffer payload = entry.getEntryNioBuffer();
                    if (block.remaining() < ENTRY_HEADER_LENGTH + payload.remaining()) {
                        return count;
                    }
                    block.putInt(payload.remaining()).putLong(entry.getEntryId()).put(payload);
                    nextEntryId = entry.getEntryId() + 1;
                    count++;
                }
            }
        }
        return count;
    }

    private static void pad(ByteBuffer block) {
        for (int i = 0; block.hasRemaining(); i++) {
            block.put(PADDING[i % PADDING.length]);
        }
    }
}
