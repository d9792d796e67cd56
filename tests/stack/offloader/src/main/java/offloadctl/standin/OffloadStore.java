package offloadctl.standin;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.api.RetryStrategy;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;

/** The S3 calls of the offloader, on one endpoint. */
final class OffloadStore implements AutoCloseable {
    private static final String VERSION_KEY = "s3managedledgeroffloaderformatversion";
    private static final String VERSION = "1";
    /** The times of Pulsar's jclouds client (TieredStorageConfiguration.java), unless a test holds uploads for longer. */
    private static final Duration SOCKET_TIMEOUT =
            Duration.ofSeconds(Long.getLong("offloadctl.standin.socketTimeoutSeconds", 25));
    private static final int MAX_ATTEMPTS = 101;
    private static final String DEFAULT_REGION = "us-east-1";

    private final S3Client s3;
    private final S3Client s3WithoutRetries;

    private OffloadStore(S3Client s3, S3Client s3WithoutRetries) {
        this.s3 = s3;
        this.s3WithoutRetries = s3WithoutRetries;
    }

    static OffloadStore connect(Settings settings, Map<String, String> environment) {
        AwsCredentialsProvider credentials = settings.driver.credentials(settings, environment);
        RetryStrategy patient = AwsRetryStrategy.standardRetryStrategy().toBuilder()
                .maxAttempts(MAX_ATTEMPTS)
                .circuitBreakerEnabled(false)
                .build();
        return new OffloadStore(
                client(settings, credentials, patient),
                client(settings, credentials, AwsRetryStrategy.doNotRetry()));
    }

    private static S3Client client(Settings settings, AwsCredentialsProvider credentials, RetryStrategy retries) {
        String region = settings.region();
        S3ClientBuilder builder = S3Client.builder()
                .credentialsProvider(credentials)
                .region(Region.of(region == null || region.isEmpty() ? DEFAULT_REGION : region))
                .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
                .overrideConfiguration(all -> all.retryStrategy(retries))
                .httpClientBuilder(UrlConnectionHttpClient.builder()
                        .connectionTimeout(SOCKET_TIMEOUT)
                        .socketTimeout(SOCKET_TIMEOUT));
        String endpoint = settings.serviceEndpoint();
        if (settings.driver == Driver.S3 || (endpoint != null && !endpoint.isEmpty())) {
            builder.endpointOverride(URI.create(endpoint)).forcePathStyle(true);
        }
        return builder.build();
    }

    Upload startUpload(String bucket, String key, Map<String, String> metadata) {
        String id = s3.createMultipartUpload(request -> request.bucket(bucket)
                        .key(key)
                        .contentType("application/unknown")
                        .metadata(withVersion(metadata)))
                .uploadId();
        return new Upload(bucket, key, id);
    }

    void put(String bucket, String key, Map<String, String> metadata, byte[] bytes) {
        s3.putObject(
                request -> request.bucket(bucket)
                        .key(key)
                        .contentType("application/octet-stream")
                        .metadata(withVersion(metadata)),
                RequestBody.fromBytes(bytes));
    }

    /** A whole object whose version has been checked. */
    byte[] get(String bucket, String key) {
        return checked(key, s3.getObjectAsBytes(request -> request.bucket(bucket).key(key)));
    }

    /** The bytes from {@code first} to {@code last}, both included, of an object whose version has been checked. */
    byte[] get(String bucket, String key, long first, long last) {
        return checked(key, s3.getObjectAsBytes(request ->
                request.bucket(bucket).key(key).range("bytes=" + first + "-" + last)));
    }

    /** Deletes; like jclouds it looks at no answer for a single key. */
    void delete(String bucket, List<String> keys) {
        List<ObjectIdentifier> objects =
                keys.stream().map(key -> ObjectIdentifier.builder().key(key).build()).toList();
        s3.deleteObjects(request -> request.bucket(bucket).delete(delete -> delete.objects(objects)));
    }

    @Override
    public void close() {
        s3.close();
        s3WithoutRetries.close();
    }

    /** An open multipart upload. */
    final class Upload {
        private final String bucket;
        private final String key;
        private final String id;
        private final List<CompletedPart> parts = new ArrayList<>();

        private Upload(String bucket, String key, String id) {
            this.bucket = bucket;
            this.key = key;
            this.id = id;
        }

        /** Sends a part, once: jclouds reads it from a stream and cannot send it again. */
        void put(int part, byte[] bytes) {
            String etag = s3WithoutRetries
                    .uploadPart(
                            request -> request.bucket(bucket).key(key).uploadId(id).partNumber(part),
                            RequestBody.fromBytes(bytes))
                    .eTag();
            parts.add(CompletedPart.builder().partNumber(part).eTag(etag).build());
        }

        void complete() {
            s3.completeMultipartUpload(request ->
                    request.bucket(bucket).key(key).uploadId(id).multipartUpload(upload -> upload.parts(parts)));
        }

        void abort() {
            s3.abortMultipartUpload(request -> request.bucket(bucket).key(key).uploadId(id));
        }
    }

    private static Map<String, String> withVersion(Map<String, String> metadata) {
        Map<String, String> all = new TreeMap<>(metadata);
        all.put(VERSION_KEY, VERSION);
        return all;
    }

    private static byte[] checked(String key, ResponseBytes<GetObjectResponse> object) {
        String version = object.response().metadata().get(VERSION_KEY);
        if (!VERSION.equals(version)) {
            throw new IllegalStateException(
                    "Invalid object version " + version + " for " + key + ", expect " + VERSION);
        }
        return object.asByteArrayUnsafe();
    }
}
