#!/usr/bin/env python3
"""Writes events to Dinghy's events topic with confluent-kafka.

    python3 kafka_producer.py --brokers HOST:9092 --prefix dinghy events.ndjson

The file holds one JSON object a line, with `session` (or `visitor`) and `type` and whatever else an event has. `id` and
`timestamp` are given where they are missing. Prints one JSON object for every record that all in-sync replicas have.
Exit code: 0 when all are stored, 1 otherwise.

What a foreign producer must do:
- key every record with the session key, `s:SESSION` or else `v:VISITOR`, so that a session stays on one partition;
- choose the partition as Kafka's Java client does (`murmur2_random`; librdkafka's own default is another);
- wait for all replicas (`acks=all`) and let the client retry without duplicates (`enable.idempotence`);
- bring `id`, `type` and `timestamp` (milliseconds since 1970) with every event, and the same id when it is sent again.
"""

import argparse
import json
import sys
import time
import uuid

from confluent_kafka import Producer


def session_key(event):
    if event.get("session"):
        return "s:" + event["session"]
    return "v:" + event["visitor"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--prefix", default="dinghy")
    parser.add_argument("file")
    arguments = parser.parse_args()

    producer = Producer(
        {
            "bootstrap.servers": arguments.brokers,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "message.timeout.ms": 20_000,
            "allow.auto.create.topics": False,
        }
    )
    failures = 0
    delivered = 0

    def report(event_id):
        def done(error, message):
            nonlocal failures, delivered
            if error is not None:
                failures += 1
                print(f"{event_id}: {error}", file=sys.stderr)
            else:
                delivered += 1
                place = {"id": event_id, "partition": message.partition(), "offset": message.offset()}
                print(json.dumps(place))

        return done

    sent = 0
    with open(arguments.file, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            event.setdefault("id", str(uuid.uuid4()))
            event.setdefault("timestamp", int(time.time() * 1000))
            while True:
                try:
                    producer.produce(
                        arguments.prefix + ".events",
                        key=session_key(event),
                        value=json.dumps(event),
                        on_delivery=report(event["id"]),
                    )
                    break
                except BufferError:
                    # The client's buffer is full: let it deliver.
                    producer.poll(0.1)
            sent += 1
            producer.poll(0)
    producer.flush(30)
    return 0 if failures == 0 and delivered == sent else 1


if __name__ == "__main__":
    sys.exit(main())
