package offloadctl.standin;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** The index object: the ledger's metadata, and where in the data object each block begins. */
record OffloadIndex(long dataLength, byte[] ledgerMetadata, NavigableMap<Long, Block> blocks) {
    private static final int MAGIC = 0xDE47DE47;
    private static final int HEADER_LENGTH = 32;
    private static final int BLOCK_LENGTH = 20;

    /** Where a block begins, and the number of the part it was uploaded as. */
    record Block(int part, long offset) {}

    byte[] encode() {
        int length = HEADER_LENGTH + ledgerMetadata.length + blocks.size() * BLOCK_LENGTH;
        ByteBuffer bytes = ByteBuffer.allocate(length)
                .putInt(MAGIC)
                .putInt(length)
                .putLong(dataLength)
                .putLong(LedgerBlocks.HEADER_LENGTH)
                .putInt(blocks.size())
                .putInt(ledgerMetadata.length)
                .put(ledgerMetadata);
        for (Map.Entry<Long, Block> entry : blocks.entrySet()) {
            bytes.putLong(entry.getKey()).putInt(entry.getValue().part()).putLong(entry.getValue().offset());
        }
        return bytes.array();
    }

    static OffloadIndex decode(byte[] object) {
        ByteBuffer bytes = ByteBuffer.wrap(object);
        if (bytes.getInt() != MAGIC) {
            throw new IllegalArgumentException("Invalid magic word at the beginning of the index");
        }
        bytes.getInt(); // the index's own length, which Pulsar's reader ignores too
        long dataLength = bytes.getLong();
        bytes.getLong(); // the length of a block header
        int count = bytes.getInt();
        byte[] metadata = new byte[bytes.getInt()];
        bytes.get(metadata);
        NavigableMap<Long, Block> blocks = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            blocks.put(bytes.getLong(), new Block(bytes.getInt(), bytes.getLong()));
        }
        return new OffloadIndex(dataLength, metadata, blocks);
    }
}
