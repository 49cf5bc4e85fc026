"""The contract, kept by kafka-python: python kafka_python.py BROKERS LARGE_FILE"""

import sys
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition, __version__
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.structs import OffsetAndMetadata

from contract import START_MS, Absent, expect, run

HAS_TRANSACTIONS = not __version__.startswith("2.0")


class KafkaPython:
    def __init__(self, brokers):
        self.brokers = brokers
        self.admin = KafkaAdminClient(bootstrap_servers=brokers)

    def producer(self, codec="none", **more):
        return KafkaProducer(
            bootstrap_servers=self.brokers,
            compression_type=None if codec == "none" else codec,
            linger_ms=20,
            max_request_size=2_000_000,
            **more,
        )

    def consumer(self, group=None):
        isolation = {"isolation_level": "read_committed"} if HAS_TRANSACTIONS else {}
        return KafkaConsumer(
            bootstrap_servers=self.brokers,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6_000,
            heartbeat_interval_ms=500,
            **isolation,
        )

    def create(self, name, partitions=1, **config):
        config = {key.replace("_", "."): value for key, value in config.items()}
        self.admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])

    def topics(self):
        self.create("shown", 2)
        self.admin.create_partitions({"shown": NewPartitions(3)})
        expect("shown" in self.admin.list_topics(), "not listed")
        shown = self.admin.describe_topics(["shown"])
        expect(len(shown[0]["partitions"]) == 3, shown)

    def settings(self):
        self.create("compacted", cleanup_policy="compact")
        found = self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "compacted")])
        resources = found[0].resources
        values = {entry[0]: entry[1] for entry in resources[0][4]}
        expect(values["cleanup.policy"] == "compact", values)

    def groups(self):
        self.create("grouped", 2, retention_ms="-1")
        producer = self.producer()
        for i in range(20):
            producer.send("grouped", f"{i}".encode(), partition=i % 2, timestamp_ms=START_MS)
        producer.flush(15)
        consumer = self.consumer("kafka-python")
        consumer.subscribe(["grouped"])
        poll(consumer, 20)
        consumer.commit()
        described = self.admin.describe_consumer_groups(["kafka-python"])[0]
        expect(len(described.members) == 1, described)
        consumer.close()
        producer.send("grouped", b"last", partition=0, timestamp_ms=START_MS).get(15)
        producer.close()
        again = self.consumer("kafka-python")
        again.subscribe(["grouped"])
        expect(poll(again, 1)[0].value == b"last", "goes on where it was")
        again.close()
        listed = [group[0] for group in self.admin.list_consumer_groups()]
        expect("kafka-python" in listed, listed)
        offsets = self.admin.list_consumer_group_offsets("kafka-python")
        expect(offsets[TopicPartition("grouped", 1)].offset == 10, offsets)
        self.admin.delete_consumer_groups(["kafka-python"])

    def offsets_by_time(self):
        self.create("timed", retention_ms="-1")
        producer = self.producer("snappy")
        for i in range(10):
            producer.send("timed", f"{i}".encode(), timestamp_ms=START_MS + i * 1_000)
        producer.flush(15)
        producer.close()
        partition = TopicPartition("timed", 0)
        consumer = self.consumer()
        found = consumer.offsets_for_times({partition: START_MS + 2_500})
        expect(found[partition].offset == 3, found)
        expect(consumer.end_offsets([partition]) == {partition: 10}, "the end")
        consumer.close()

    def deletes(self):
        self.admin.delete_topics(["timed"])
        expect("timed" not in self.admin.list_topics(), "still listed")

    def offsets_in_transactions(self):
        if not HAS_TRANSACTIONS:
            raise Absent("it has no transactions")
        producer = self.producer(transactional_id="offsets")
        producer.init_transactions()
        consumer = self.consumer("in-transactions")
        consumer.subscribe(["grouped"])
        poll(consumer, 21)
        producer.begin_transaction()
        partition = TopicPartition("grouped", 0)
        producer.send_offsets_to_transaction({partition: OffsetAndMetadata(7, "", -1)}, "in-transactions")
        producer.commit_transaction()
        expect(consumer.committed(partition) == 7, consumer.committed(partition))
        consumer.close()
        producer.close()

    def write(self, topic, codec, records):
        producer = self.producer(codec)
        sent = [
            producer.send(topic, value, key, headers, 0, timestamp_ms)
            for key, value, timestamp_ms, headers in records
        ]
        for each in sent:
            each.get(15)
        producer.close()

    def transactions(self, topic, codec):
        if not HAS_TRANSACTIONS:
            raise Absent("it has no transactions")
        producer = self.producer(codec, transactional_id=topic)
        producer.init_transactions()
        for outcome in ["aborted", "committed", "aborted", "committed"]:
            producer.begin_transaction()
            for i in range(10):
                producer.send(topic, f"{outcome} {i}".encode(), b"k", None, 0, START_MS)
            producer.flush(15)
            if outcome == "committed":
                producer.commit_transaction()
            else:
                producer.abort_transaction()
        producer.close()

    def read(self, topic, count):
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, 0)])
        found = poll(consumer, count)
        consumer.close()
        return [(each.key, each.value, each.timestamp, each.headers) for each in found]


def poll(consumer, count):
    found = []
    until = time.monotonic() + 15
    while len(found) < count and time.monotonic() < until:
        for messages in consumer.poll(timeout_ms=100).values():
            found.extend(messages)
    expect(len(found) == count, f"{len(found)} records instead of {count}")
    return found


if __name__ == "__main__":
    with open(sys.argv[2], "rb") as file:
        run(KafkaPython(sys.argv[1]), file.read())
