import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.bookkeeper.common.util.OrderedScheduler;
import org.apache.bookkeeper.mledger.ManagedLedgerConfig;
import org.apache.pulsar.broker.ServiceConfiguration;
import org.apache.pulsar.common.configuration.FieldContext;
import org.apache.pulsar.common.configuration.PulsarConfigurationLoader;
import org.apache.pulsar.common.policies.data.OffloadPoliciesImpl;

/**
 * What a real broker's own classes make of a broker.conf, in the order in which PulsarService starts.
 *
 * `fields` lists what they know; otherwise one file a line in base64, and one answer a line: how far the start came,
 * and the offload properties that came of it.
 */
public class PulsarReferee {
    public static void main(String[] arguments) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, "US-ASCII");
        if (arguments.length > 0 && arguments[0].equals("fields")) {
            fields(answers);
            return;
        }
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            answers.println(answer(Base64.getDecoder().decode(line)));
        }
    }

    private static void fields(PrintStream answers) throws Exception {
        OffloadPoliciesImpl policies = new OffloadPoliciesImpl();
        for (Field field : OffloadPoliciesImpl.CONFIGURATION_FIELDS) {
            field.setAccessible(true);
            answers.println("policy " + field.getName() + " " + field.getType().getSimpleName() + " " + field.get(policies));
        }
        ServiceConfiguration configuration = new ServiceConfiguration();
        for (Field field : ServiceConfiguration.class.getDeclaredFields()) {
            FieldContext context = field.getAnnotation(FieldContext.class);
            if (context != null) {
                field.setAccessible(true);
                answers.println("typed " + field.getName() + " " + field.getType().getSimpleName() + " "
                        + String.valueOf(field.get(configuration)).replace('\n', ' ') + (context.dynamic() ? " live" : ""));
            }
        }
    }

    private static String answer(byte[] file) {
        ServiceConfiguration configuration;
        try {
            configuration = PulsarConfigurationLoader.create(new ByteArrayInputStream(file), ServiceConfiguration.class);
        } catch (Exception refused) {
            return "no-configuration";
        }
        OffloadPoliciesImpl policies;
        try {
            policies = OffloadPoliciesImpl.create(configuration.getProperties());
        } catch (Exception refused) {
            return "no-policies";
        }
        try {
            // Millions of threads would be made; two show as well that they can be.
            int threads = Math.min(2, policies.getManagedLedgerOffloadMaxThreads());
            OrderedScheduler.newSchedulerBuilder().numThreads(threads).name("offloader").build().shutdown();
        } catch (Exception refused) {
            return "no-threads";
        }
        try {
            // The order of BrokerService.getManagedLedgerConfig.
            ManagedLedgerConfig ledgers = new ManagedLedgerConfig();
            ledgers.setMinimumRolloverTime(configuration.getManagedLedgerMinLedgerRolloverTimeMinutes(), TimeUnit.MINUTES);
            ledgers.setMaximumRolloverTime(configuration.getManagedLedgerMaxLedgerRolloverTimeMinutes(), TimeUnit.MINUTES);
        } catch (Exception refused) {
            return "no-topic";
        }
        StringBuilder answer = new StringBuilder("starts");
        Properties properties = policies.toProperties();
        for (Object key : new TreeMap<Object, Object>(properties).keySet()) {
            byte[] value = properties.getProperty((String) key).getBytes(StandardCharsets.UTF_8);
            answer.append(' ').append(key).append('=').append(Base64.getUrlEncoder().withoutPadding().encodeToString(value));
        }
        return answer.toString();
    }
}
