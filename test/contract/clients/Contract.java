import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The contract of test/contract/clients.test.ts, kept by Java's own clients. */
public class Contract {
    static final long START_MS = 1_700_000_000_000L;
    static final int PLAIN = 100;
    static String brokers;

    interface Check {
        void run() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        brokers = args[0];
        byte[] large = Files.readAllBytes(Path.of(args[1]));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
            check("topics", () -> topics(admin));
            check("settings", () -> settings(admin));
            check("groups", () -> groups(admin));
            check("offsets by time", () -> offsetsByTime(admin));
            check("deletes", () -> deletes(admin));
        }
        check("offsets in transactions", Contract::offsetsInTransactions);
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            check("write " + codec, () -> write("written-" + codec, codec));
            check("append " + codec, () -> write("appended-" + codec, codec));
            check("transactions " + codec, () -> transactions(codec));
            check("large " + codec, () -> large(codec, large));
            check("read " + codec, () -> read("rivulet-" + codec));
        }
    }

    static void check(String name, Check check) {
        try {
            check.run();
            System.out.println("ok\t" + name);
        } catch (Throwable error) {
            System.out.println("failed\t" + name + "\t" + String.valueOf(error).replaceAll("\\s+", " "));
        }
    }

    static void expect(boolean holds, Object what) {
        if (!holds) throw new AssertionError(what);
    }

    static KafkaProducer<byte[], byte[]> producer(String codec, Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of(
            "bootstrap.servers", brokers, "compression.type", codec, "linger.ms", 20,
            "max.request.size", 2_000_000, "delivery.timeout.ms", 15_000, "request.timeout.ms", 10_000));
        config.putAll(more);
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of(
            "bootstrap.servers", brokers, "auto.offset.reset", "earliest", "enable.auto.commit", false,
            "isolation.level", "read_committed", "session.timeout.ms", 6_000, "heartbeat.interval.ms", 500));
        config.putAll(more);
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static byte[] bytes(String text) {
        return text == null ? null : text.getBytes();
    }

    static ProducerRecord<byte[], byte[]> record(String topic, long timestampMs, String key, String value) {
        return new ProducerRecord<>(topic, 0, timestampMs, bytes(key), bytes(value));
    }

    static String plainValue(int i) {
        return "value " + i + " " + "abc".repeat(20);
    }

    static void write(String topic, String codec) throws Exception {
        try (var producer = producer(codec, Map.of())) {
            var first = record(topic, START_MS + 123, "k", "v");
            first.headers().add("h", bytes("x")).add("e", bytes(""));
            producer.send(first);
            producer.send(record(topic, START_MS + 1, null, "no key"));
            producer.send(record(topic, START_MS + 456, "t", null));
            for (int i = 0; i < PLAIN; i++) producer.send(record(topic, START_MS + 1_000 + i, "k" + i % 3, plainValue(i)));
            producer.flush();
        }
    }

    static void transactions(String codec) {
        String topic = "transactions-" + codec;
        try (var producer = producer(codec, Map.of("transactional.id", topic))) {
            producer.initTransactions();
            for (String outcome : List.of("aborted", "committed", "aborted", "committed")) {
                producer.beginTransaction();
                for (int i = 0; i < 10; i++) producer.send(record(topic, START_MS, "k", outcome + " " + i));
                if (outcome.equals("committed")) producer.commitTransaction();
                else {
                    producer.flush();
                    producer.abortTransaction();
                }
            }
        }
    }

    static void large(String codec, byte[] value) throws Exception {
        try (var producer = producer(codec, Map.of())) {
            producer.send(new ProducerRecord<>("large-" + codec, 0, START_MS, null, value)).get();
        }
    }

    static List<ConsumerRecord<byte[], byte[]>> readAll(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> found = new ArrayList<>();
        long untilMs = System.currentTimeMillis() + 15_000;
        while (found.size() < count && System.currentTimeMillis() < untilMs)
            consumer.poll(Duration.ofMillis(100)).forEach(found::add);
        expect(found.size() == count, found.size() + " records instead of " + count);
        return found;
    }

    static void read(String topic) {
        try (var consumer = consumer(Map.of())) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            var found = readAll(consumer, PLAIN + 3);
            var first = found.get(0);
            expect(Arrays.equals(first.key(), bytes("k")) && Arrays.equals(first.value(), bytes("v")), "the first record");
            expect(first.timestamp() == START_MS + 123, first.timestamp());
            expect(Arrays.equals(first.headers().lastHeader("h").value(), bytes("x")), "a header");
            expect(first.headers().lastHeader("e").value().length == 0, "an empty header");
            expect(found.get(1).key() == null, "a null key");
            expect(found.get(2).value() == null, "a null value");
            for (int i = 0; i < PLAIN; i++)
                expect(Arrays.equals(found.get(i + 3).value(), bytes(plainValue(i))), "record " + i);
        }
    }

    static void topics(Admin admin) throws Exception {
        admin.createTopics(List.of(new NewTopic("shown", 2, (short) 1), new NewTopic("by-default", java.util.Optional.empty(), java.util.Optional.empty()))).all().get();
        expect(admin.listTopics().names().get().containsAll(Set.of("shown", "by-default")), "not listed");
        admin.createPartitions(Map.of("shown", NewPartitions.increaseTo(3))).all().get();
        var shown = admin.describeTopics(List.of("shown")).allTopicNames().get().get("shown");
        expect(shown.partitions().size() == 3, shown);
        expect(shown.partitions().get(0).leader() != null, shown);
        expect(admin.describeCluster().nodes().get().size() == 1, "one node");
    }

    static void settings(Admin admin) throws Exception {
        admin.createTopics(List.of(new NewTopic("compacted", 1, (short) 1).configs(Map.of("cleanup.policy", "compact")))).all().get();
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, "compacted");
        var config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        expect(config.get("cleanup.policy").value().equals("compact"), config);
        expect(config.get("max.message.bytes").isDefault(), config);
    }

    static void groups(Admin admin) throws Exception {
        admin.createTopics(List.of(new NewTopic("grouped", 2, (short) 1).configs(Map.of("retention.ms", "-1")))).all().get();
        try (var producer = producer("none", Map.of())) {
            for (int i = 0; i < 20; i++) producer.send(new ProducerRecord<>("grouped", i % 2, START_MS, null, bytes("" + i)));
        }
        Map<String, Object> inGroup = Map.of("group.id", "java");
        try (var consumer = consumer(inGroup)) {
            consumer.subscribe(List.of("grouped"));
            readAll(consumer, 20);
            consumer.commitSync();
            var described = admin.describeConsumerGroups(List.of("java")).all().get().get("java");
            expect(described.members().size() == 1, described);
            expect(described.members().iterator().next().assignment().topicPartitions().size() == 2, described);
        }
        try (var producer = producer("none", Map.of())) {
            producer.send(new ProducerRecord<>("grouped", 0, START_MS, null, bytes("last")));
        }
        try (var consumer = consumer(inGroup)) {
            consumer.subscribe(List.of("grouped"));
            expect(Arrays.equals(readAll(consumer, 1).get(0).value(), bytes("last")), "goes on where it was");
        }
        expect(admin.listGroups().all().get().stream().anyMatch(each -> each.groupId().equals("java")), "not listed");
        var offsets = admin.listConsumerGroupOffsets("java").partitionsToOffsetAndMetadata().get();
        expect(offsets.get(new TopicPartition("grouped", 1)).offset() == 10, offsets);
        admin.alterConsumerGroupOffsets("java", Map.of(new TopicPartition("grouped", 1), new OffsetAndMetadata(3))).all().get();
        admin.deleteConsumerGroups(List.of("java")).all().get();
    }

    static void offsetsByTime(Admin admin) throws Exception {
        admin.createTopics(List.of(new NewTopic("timed", 1, (short) 1).configs(Map.of("retention.ms", "-1")))).all().get();
        try (var producer = producer("snappy", Map.of())) {
            for (int i = 0; i < 10; i++) producer.send(record("timed", START_MS + i * 1_000, "k", "" + i));
        }
        var partition = new TopicPartition("timed", 0);
        try (var consumer = consumer(Map.of())) {
            expect(consumer.offsetsForTimes(Map.of(partition, START_MS + 2_500)).get(partition).offset() == 3, "by time");
            expect(consumer.endOffsets(List.of(partition)).get(partition) == 10, "the end");
        }
        expect(admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).all().get().get(partition).offset() == 0, "the start");
    }

    static void deletes(Admin admin) throws Exception {
        var partition = new TopicPartition("timed", 0);
        admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4))).all().get();
        expect(admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).all().get().get(partition).offset() == 4, "the start");
        admin.deleteTopics(List.of("timed")).all().get();
        expect(!admin.listTopics().names().get().contains("timed"), "still listed");
    }

    static void offsetsInTransactions() throws Exception {
        try (var producer = producer("none", Map.of("transactional.id", "offsets")); var consumer = consumer(Map.of("group.id", "in-transactions"))) {
            producer.initTransactions();
            consumer.subscribe(List.of("grouped"));
            readAll(consumer, 21);
            var committed = Map.of(new TopicPartition("grouped", 0), new OffsetAndMetadata(7));
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(committed, consumer.groupMetadata());
            producer.commitTransaction();
            var found = consumer.committed(Set.of(new TopicPartition("grouped", 0)));
            expect(found.values().iterator().next().offset() == 7, found);
        }
    }
}
