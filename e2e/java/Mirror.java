import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.mirror.MirrorClient;
import org.apache.kafka.connect.mirror.RemoteClusterUtils;

/**
 * Prints what Java's own tools see on a cluster that mm2 copies to.
 *
 * usage: Mirror.java BOOTSTRAP SOURCE GROUP [KEY=VALUE...]
 */
public class Mirror {
    public static void main(String[] args) throws Exception {
        Map<String, Object> props = new TreeMap<>();
        props.put("bootstrap.servers", args[0]);
        for (int i = 3; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            props.put(pair[0], pair[1]);
        }
        String source = args[1];
        String group = args[2];
        try (MirrorClient client = new MirrorClient(props)) {
            System.out.println("upstreamClusters " + new TreeSet<>(client.upstreamClusters()));
            System.out.println("replicationHops " + client.replicationHops(source));
            System.out.println("heartbeatTopics " + new TreeSet<>(client.heartbeatTopics()));
            System.out.println("checkpointTopics " + new TreeSet<>(client.checkpointTopics()));
            System.out.println("remoteTopics " + new TreeSet<>(client.remoteTopics(source)));
        }
        Map<TopicPartition, OffsetAndMetadata> offsets =
            RemoteClusterUtils.translateOffsets(props, source, group, Duration.ofSeconds(20));
        Map<String, String> sorted = new TreeMap<>();
        offsets.forEach((tp, o) -> sorted.put(tp.toString(), o.offset() + " \"" + o.metadata() + "\""));
        sorted.forEach((tp, o) -> System.out.println("offset " + tp + " " + o));
    }
}
