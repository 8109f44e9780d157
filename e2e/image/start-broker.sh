#!/bin/sh
# Entry point of the test image: one Kafka node in KRaft mode, configured by the
# environment as in the apache/kafka image. KAFKA_NUM_PARTITIONS=4 becomes
# num.partitions=4; two underscores stand for one, three for a dash.
# The storage is formatted at the first start and kept afterwards.
set -eu

config=/opt/kafka/config/from-env.properties
: "${KAFKA_LOG_DIRS:=/var/lib/kafka/data}"
: "${CLUSTER_ID:=bW0yLWUyZS1jbHVzdGVyMQ}"
export KAFKA_LOG_DIRS

awk 'BEGIN {
  for (name in ENVIRON) {
    if (name !~ /^KAFKA_/ || name ~ /^KAFKA_(HEAP_OPTS|JVM_PERFORMANCE_OPTS|OPTS)$/) continue
    key = tolower(substr(name, 7))
    gsub(/___/, "-", key); gsub(/__/, "\001", key); gsub(/_/, ".", key); gsub(/\001/, "_", key)
    value = ENVIRON[name]
    gsub(/\n/, "\\n", value)
    print key "=" value
  }
}' >"$config"

if [ ! -e "$KAFKA_LOG_DIRS/meta.properties" ]; then
  /opt/kafka/bin/kafka-storage.sh format --cluster-id "$CLUSTER_ID" --config "$config"
fi
exec /opt/kafka/bin/kafka-run-class.sh kafka.Kafka "$config"
