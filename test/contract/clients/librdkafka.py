"""The contract, kept by librdkafka: python librdkafka.py BROKERS LARGE_FILE"""

import sys
import time

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    Consumer,
    Producer,
    TopicPartition,
    IsolationLevel,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, OffsetSpec

from contract import START_MS, expect, run


class Librdkafka:
    def __init__(self, brokers):
        self.brokers = brokers
        self.admin = AdminClient({"bootstrap.servers": brokers})

    def producer(self, codec="none", **more):
        return Producer(
            {
                "bootstrap.servers": self.brokers,
                "compression.type": codec,
                "linger.ms": 20,
                "message.max.bytes": 2_000_000,
                "message.timeout.ms": 15_000,
                "enable.idempotence": True,
                **{name.replace("_", "."): value for name, value in more.items()},
            }
        )

    def consumer(self, group="none"):
        return Consumer(
            {
                "bootstrap.servers": self.brokers,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "session.timeout.ms": 6_000,
                "heartbeat.interval.ms": 500,
            }
        )

    def create(self, name, partitions=1, **config):
        topic = NewTopic(name, partitions, 1, config={k.replace("_", "."): v for k, v in config.items()})
        for made in self.admin.create_topics([topic]).values():
            made.result(10)

    def topics(self):
        self.create("shown", 2)
        for made in self.admin.create_partitions([NewPartitions("shown", 3)]).values():
            made.result(10)
        shown = self.admin.list_topics(timeout=10).topics["shown"]
        expect(len(shown.partitions) == 3, shown.partitions)

    def settings(self):
        self.create("compacted", cleanup_policy="compact")
        resource = ConfigResource(ConfigResource.Type.TOPIC, "compacted")
        config = self.admin.describe_configs([resource])[resource].result(10)
        expect(config["cleanup.policy"].value == "compact", config)

    def groups(self):
        self.create("grouped", 2, retention_ms="-1")
        producer = self.producer()
        for i in range(20):
            producer.produce("grouped", f"{i}".encode(), partition=i % 2, timestamp=START_MS)
        expect(producer.flush(15) == 0, "not all are acknowledged")
        consumer = self.consumer("librdkafka")
        consumer.subscribe(["grouped"])
        poll(consumer, 20)
        consumer.commit(asynchronous=False)
        described = self.admin.describe_consumer_groups(["librdkafka"])["librdkafka"].result(10)
        expect(len(described.members[0].assignment.topic_partitions) == 2, described)
        consumer.close()
        producer.produce("grouped", b"last", partition=0, timestamp=START_MS)
        producer.flush(15)
        again = self.consumer("librdkafka")
        again.subscribe(["grouped"])
        expect(poll(again, 1)[0].value() == b"last", "goes on where it was")
        again.close()
        listed = self.admin.list_consumer_groups().result(10).valid
        expect("librdkafka" in [group.group_id for group in listed], listed)
        wanted = [ConsumerGroupTopicPartitions("librdkafka", [TopicPartition("grouped", 1)])]
        offsets = self.admin.list_consumer_group_offsets(wanted)["librdkafka"].result(10)
        expect(offsets.topic_partitions[0].offset == 10, offsets)
        for deleted in self.admin.delete_consumer_groups(["librdkafka"]).values():
            deleted.result(10)

    def offsets_by_time(self):
        self.create("timed", retention_ms="-1")
        producer = self.producer("snappy")
        for i in range(10):
            producer.produce("timed", f"{i}".encode(), timestamp=START_MS + i * 1_000)
        expect(producer.flush(15) == 0, "not all are acknowledged")
        consumer = self.consumer()
        found = consumer.offsets_for_times([TopicPartition("timed", 0, START_MS + 2_500)], timeout=10)
        expect(found[0].offset == 3, found)
        expect(consumer.get_watermark_offsets(TopicPartition("timed", 0), timeout=10) == (0, 10), "the ends")
        consumer.close()

    def deletes(self):
        for deleted in self.admin.delete_records([TopicPartition("timed", 0, 4)]).values():
            deleted.result(10)
        partition = TopicPartition("timed", 0)
        request = self.admin.list_offsets({partition: OffsetSpec.earliest()}, isolation_level=IsolationLevel.READ_UNCOMMITTED)
        expect(request[partition].result(10).offset == 4, "the start")
        for deleted in self.admin.delete_topics(["timed"]).values():
            deleted.result(10)
        expect("timed" not in self.admin.list_topics(timeout=10).topics, "still listed")

    def offsets_in_transactions(self):
        producer = self.producer(transactional_id="offsets")
        producer.init_transactions(15)
        consumer = self.consumer("in-transactions")
        consumer.subscribe(["grouped"])
        poll(consumer, 21)
        producer.begin_transaction()
        committed = [TopicPartition("grouped", 0, 7)]
        producer.send_offsets_to_transaction(committed, consumer.consumer_group_metadata(), 15)
        producer.commit_transaction(15)
        found = consumer.committed([TopicPartition("grouped", 0)], timeout=10)
        expect(found[0].offset == 7, found)
        consumer.close()

    def write(self, topic, codec, records):
        producer = self.producer(codec)
        for key, value, timestamp_ms, headers in records:
            producer.produce(topic, value, key, 0, timestamp=timestamp_ms, headers=headers, on_delivery=delivered)
        expect(producer.flush(15) == 0, "not all are acknowledged")

    def transactions(self, topic, codec):
        producer = self.producer(codec, transactional_id=topic)
        producer.init_transactions(15)
        for outcome in ["aborted", "committed", "aborted", "committed"]:
            producer.begin_transaction()
            for i in range(10):
                producer.produce(topic, f"{outcome} {i}".encode(), b"k", 0, timestamp=START_MS)
            producer.flush(15)
            if outcome == "committed":
                producer.commit_transaction(15)
            else:
                producer.abort_transaction(15)

    def read(self, topic, count):
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, 0, 0)])
        found = poll(consumer, count)
        consumer.close()
        return [(each.key(), each.value(), each.timestamp()[1], each.headers() or []) for each in found]


def delivered(error, _message):
    if error:
        raise RuntimeError(error)


def poll(consumer, count):
    found = []
    until = time.monotonic() + 15
    while len(found) < count and time.monotonic() < until:
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            raise RuntimeError(message.error())
        found.append(message)
    expect(len(found) == count, f"{len(found)} records instead of {count}")
    return found


if __name__ == "__main__":
    with open(sys.argv[2], "rb") as file:
        run(Librdkafka(sys.argv[1]), file.read())
