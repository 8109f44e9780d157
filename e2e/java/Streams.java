import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;

import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Runs one of a few topologies until SIGTERM. Its twin is the program in
 * ../streamspeer, with the same topologies by the same names.
 *
 * usage: Streams.java TOPOLOGY INPUT TABLE OUTPUT NAME=VALUE...
 */
public class Streams {
    static final Duration SIZE = Duration.ofMinutes(1);
    static final Duration GRACE = Duration.ofSeconds(30);

    public static void main(String[] args) throws Exception {
        Properties props = new Properties();
        for (int i = 4; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            props.put(pair[0], pair[1]);
        }
        props.put("default.key.serde", Serdes.StringSerde.class);
        props.put("default.value.serde", Serdes.StringSerde.class);
        StreamsBuilder builder = new StreamsBuilder();
        build(builder, args[0], args[1], args[2], args[3]);
        KafkaStreams app = new KafkaStreams(builder.build(), props);
        CountDownLatch done = new CountDownLatch(1);
        app.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            System.exit(1);
            return null;
        });
        sun.misc.Signal.handle(new sun.misc.Signal("TERM"), s -> done.countDown());
        app.start();
        done.await();
        // Members that stay would keep an application of another kind out of the group.
        boolean closed = app.close(CloseOptions.timeout(Duration.ofSeconds(30))
            .withGroupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP));
        System.exit(closed ? 0 : 1);
    }

    static void build(StreamsBuilder b, String topology, String input, String table, String output) {
        KStream<String, String> in = b.stream(input);
        switch (topology) {
            case "filter" -> in.filter((k, v) -> v.length() > 5).to(output);
            case "count" -> in.groupByKey().count(Materialized.as("counts")).toStream()
                .to(output, Produced.with(Serdes.String(), Serdes.Long()));
            case "rekeyed-count" -> in.groupBy((k, v) -> v).count(Materialized.as("counts")).toStream()
                .to(output, Produced.with(Serdes.String(), Serdes.Long()));
            case "windowed-count" -> windows(in).count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("windows")).toStream()
                .to(output, Produced.with(windowed(), Serdes.Long()));
            case "final-windows" -> windows(in).emitStrategy(EmitStrategy.onWindowClose())
                .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("windows")).toStream()
                .to(output, Produced.with(windowed(), Serdes.Long()));
            case "table-join" -> in.join(b.<String, String>table(table, Materialized.as("rows")), (l, r) -> l + r).to(output);
            default -> throw new IllegalArgumentException("no topology " + topology);
        }
    }

    static TimeWindowedKStream<String, String> windows(KStream<String, String> in) {
        return in.groupByKey().windowedBy(TimeWindows.ofSizeAndGrace(SIZE, GRACE));
    }

    static Serde<Windowed<String>> windowed() {
        return WindowedSerdes.timeWindowedSerdeFrom(String.class, SIZE.toMillis());
    }
}
