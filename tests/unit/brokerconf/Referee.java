import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Properties;
import java.util.TreeMap;

/** What java.util.Properties makes of a file: one file a line in base64, one answer a line. */
public class Referee {
    public static void main(String[] arguments) throws Exception {
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream answers = new PrintStream(System.out, true, "US-ASCII");
        for (String line = questions.readLine(); line != null; line = questions.readLine()) {
            answers.println(answer(Base64.getDecoder().decode(line)));
        }
    }

    private static String answer(byte[] file) throws Exception {
        Properties properties = new Properties();
        try {
            properties.load(new ByteArrayInputStream(file));
        } catch (IllegalArgumentException malformed) {
            return "malformed";
        }
        StringBuilder answer = new StringBuilder("values");
        for (String key : new TreeMap<Object, Object>(properties).keySet().toArray(new String[0])) {
            answer.append(' ').append(encoded(key)).append('=').append(encoded(properties.getProperty(key)));
        }
        return answer.toString();
    }

    private static String encoded(String text) {
        // Unit by unit: a properties file can hold half a character, which no character set encodes.
        ByteBuffer units = ByteBuffer.allocate(2 * text.length());
        units.asCharBuffer().put(text);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(units.array());
    }
}
