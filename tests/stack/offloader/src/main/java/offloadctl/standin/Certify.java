package offloadctl.standin;

import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes given ledgers as objects into files, so that they can be compared with what Pulsar's own offloader made.
 *
 * <p>Each directory named on the command line holds one ledger: {@code metadata} (BookKeeper's, as an index object
 * has it), {@code entries} (each a length of 4 bytes and that many bytes) and is named by the ledger's id. It gets the
 * two files {@code data} and {@code index}.
 */
public final class Certify {
    private Certify() {}

    /** The block size in bytes, then directories. */
    public static void main(String[] arguments) throws Exception {
        int blockSize = Integer.parseInt(arguments[0]);
        for (int i = 1; i < arguments.length; i++) {
            write(Path.of(arguments[i]), blockSize);
        }
    }

    private static void write(Path directory, int blockSize) throws Exception {
        try (GivenLedger ledger = GivenLedger.read(directory);
                OutputStream data = Files.newOutputStream(directory.resolve("data"))) {
            OffloadIndex index = LedgerWriter.write(ledger, blockSize, (part, block) -> data.write(block.bytes()));
            Files.write(directory.resolve("index"), index.encode());
        }
    }
}
