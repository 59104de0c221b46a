#!/usr/bin/env python3
"""Reads Dinghy's scores with confluent-kafka, only those whose transaction is complete.

    python3 kafka_scores.py --brokers HOST:9092 --prefix dinghy

Prints one score record a line, from the oldest on: every event before a session's first purchase has exactly one. With
--limit it ends after so many, with --until-end at the end of what is committed. Exit code: 0, or 1 when less than
--limit came within --timeout seconds.

`isolation.level=read_committed` is what makes it exactly one: without it, scores of transactions that were aborted are
seen as well. It is librdkafka's default and Java's is the other one.
"""

import argparse
import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--prefix", default="dinghy")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--until-end", action="store_true")
    parser.add_argument("--timeout", type=float, default=60)
    arguments = parser.parse_args()

    consumer = Consumer(
        {
            "bootstrap.servers": arguments.brokers,
            "group.id": arguments.prefix + "-scores-example",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
        }
    )
    topic = arguments.prefix + ".scores"
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    # From offset 0, or from what retention has left: out of range falls back to the earliest.
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])

    at_end = set()
    count = 0
    deadline = time.monotonic() + arguments.timeout
    try:
        while arguments.limit is None or count < arguments.limit:
            if arguments.until_end and len(at_end) == len(partitions):
                break
            if arguments.limit is not None and time.monotonic() > deadline:
                print(f"only {count} scores in {arguments.timeout} s", file=sys.stderr)
                return 1
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    at_end.add(message.partition())
                    continue
                raise KafkaException(message.error())
            print(message.value().decode("utf-8"), flush=True)
            count += 1
    except KeyboardInterrupt:
        pass
    finally:
        consumer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
