package offloadctl.standin;

import java.util.NavigableMap;
import java.util.TreeMap;
import org.apache.bookkeeper.client.api.ReadHandle;
import org.apache.bookkeeper.mledger.offload.OffloadUtils;

/** Writes a ledger as the parts of a data object, and answers with the index that belongs to it. */
final class LedgerWriter {

    /** Where the parts go. */
    interface Parts {
        void put(int part, LedgerBlocks.Block block) throws Exception;
    }

    private LedgerWriter() {}

    static OffloadIndex write(ReadHandle ledger, int maxBlockSize, Parts parts) throws Exception {
        NavigableMap<Long, OffloadIndex.Block> index = new TreeMap<>();
        long offset = 0;
        LedgerBlocks blocks = new LedgerBlocks(ledger, maxBlockSize);
        for (int part = 1; blocks.hasNext(); part++) {
            LedgerBlocks.Block block = blocks.next();
            parts.put(part, block);
            index.put(block.firstEntryId(), new OffloadIndex.Block(part, offset));
            if (block.entries() > 0) {
                offset += block.bytes().length; // Pulsar leaves a last block of padding out of the data's length
            }
        }
        return new OffloadIndex(offset, OffloadUtils.buildLedgerMetadataFormat(ledger.getLedgerMetadata()), index);
    }
}
