import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.apache.kafka.common.utils.internals.Exit;

/** Runs Kafka's command-line tools one after the other in one JVM: a line each of the file, class, input and arguments. */
public class Tools {
    static class Ended extends RuntimeException {}

    /** The first one with which the tool wanted to end: some of them take that for a failure, and end once more. */
    static Integer code;

    public static void main(String[] args) throws Exception {
        Exit.setExitProcedure((code, message) -> {
            if (Tools.code == null) Tools.code = code;
            throw new Ended();
        });
        PrintStream out = System.out;
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            String[] parts = line.split("\t");
            var said = new ByteArrayOutputStream();
            System.setIn(new ByteArrayInputStream((parts[1] + "\n").getBytes()));
            System.setOut(new PrintStream(said));
            int code = run(parts[0], Arrays.copyOfRange(parts, 2, parts.length));
            System.out.flush();
            out.println(code + "\t" + said.toString().strip().replace("\t", " ").replace("\n", "\u23ce"));
            out.flush();
        }
        System.setOut(out);
        Runtime.getRuntime().halt(0);
    }

    static int run(String tool, String[] args) throws Exception {
        code = null;
        try {
            Class.forName(tool).getMethod("main", String[].class).invoke(null, (Object) args);
            return 0;
        } catch (java.lang.reflect.InvocationTargetException error) {
            if (error.getCause() instanceof Ended) return code;
            throw error;
        }
    }
}
