package offloadctl.standin;

import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.pulsar.common.policies.data.OffloadPoliciesImpl;

/** The keys of the offload policies, looked up as Pulsar does: the driver's own key first, then the generic. */
final class Settings {
    private static final String GENERIC_PREFIX = "managedLedgerOffload";
    private static final int DEFAULT_MAX_BLOCK_SIZE = 64 * 1024 * 1024;
    private static final int DEFAULT_READ_BUFFER_SIZE = 1024 * 1024;

    final Driver driver;
    private final Properties properties;

    Settings(OffloadPoliciesImpl policies) {
        properties = policies.toProperties();
        String name = policies.getManagedLedgerOffloadDriver();
        driver = Driver.byName(name)
                .orElseThrow(() -> new IllegalArgumentException("Unsupported offload driver: " + name));
    }

    /** The value of a full key, or null. */
    String value(String key) {
        return properties.getProperty(key);
    }

    String bucket() {
        return located("Bucket");
    }

    String region() {
        return located("Region");
    }

    String serviceEndpoint() {
        return located("ServiceEndpoint");
    }

    int maxBlockSize() {
        return located("MaxBlockSizeInBytes", DEFAULT_MAX_BLOCK_SIZE);
    }

    int readBufferSize() {
        return located("ReadBufferSizeInBytes", DEFAULT_READ_BUFFER_SIZE);
    }

    /** What the broker keeps in the ledger's metadata: enough to find the objects again. */
    Map<String, String> driverMetadata() {
        Map<String, String> metadata = new TreeMap<>();
        metadata.put("managedLedgerOffloadDriver", driver.name());
        metadata.put("bucket", orEmpty(bucket()));
        metadata.put("region", orEmpty(region()));
        metadata.put("serviceEndpoint", orEmpty(serviceEndpoint()));
        return metadata;
    }

    /** The driver's own key if it is present, even when blank: a blank one hides a filled generic one. */
    private String located(String suffix) {
        String own = value(driver.keyPrefix + suffix);
        return own != null ? own : value(GENERIC_PREFIX + suffix);
    }

    private int located(String suffix, int otherwise) {
        String text = located(suffix);
        return text == null ? otherwise : Integer.parseInt(text);
    }

    private static String orEmpty(String text) {
        return text == null ? "" : text;
    }
}
