package offloadctl.standin;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;

/** The drivers answered to; the constant's name is what Pulsar stores in a ledger's driver metadata. */
enum Driver {
    AWS_S3("aws-s3", "s3ManagedLedgerOffload") {
        /** Static keys of the policies, else the {@code AWS_*} environment, looked up at each request. */
        @Override
        AwsCredentialsProvider credentials(Settings settings, Map<String, String> environment) {
            String id = settings.value("s3ManagedLedgerOffloadCredentialId");
            String secret = settings.value("s3ManagedLedgerOffloadCredentialSecret");
            return isFilled(id) && isFilled(secret)
                    ? StaticCredentialsProvider.create(AwsBasicCredentials.create(id, secret))
                    : EnvironmentVariableCredentialsProvider.create();
        }
    },

    S3("S3", "managedLedgerOffload") {
        /** The environment's {@code ACCESS_KEY_*} and nothing else, looked up once: none there, no client. */
        @Override
        AwsCredentialsProvider credentials(Settings settings, Map<String, String> environment) {
            String id = environment.getOrDefault("ACCESS_KEY_ID", environment.get("ALIYUN_OSS_ACCESS_KEY_ID"));
            String secret =
                    environment.getOrDefault("ACCESS_KEY_SECRET", environment.get("ALIYUN_OSS_ACCESS_KEY_SECRET"));
            if (!isFilled(id) || !isFilled(secret)) {
                throw new IllegalArgumentException(
                        "Couldn't get the credentials: ACCESS_KEY_ID and ACCESS_KEY_SECRET are not both set");
            }
            return StaticCredentialsProvider.create(AwsBasicCredentials.create(id, secret));
        }
    };

    /** The name as written in broker.conf. */
    final String driverName;

    /** The prefix of this driver's keys, tried before the generic one. */
    final String keyPrefix;

    Driver(String driverName, String keyPrefix) {
        this.driverName = driverName;
        this.keyPrefix = keyPrefix;
    }

    static Optional<Driver> byName(String name) {
        return Arrays.stream(values()).filter(driver -> driver.driverName.equalsIgnoreCase(name)).findFirst();
    }

    abstract AwsCredentialsProvider credentials(Settings settings, Map<String, String> environment);

    private static boolean isFilled(String text) {
        return text != null && !text.isEmpty();
    }
}
