#!/usr/bin/env bash
# Builds a container image of Apache Kafka for machines that reach no image
# registry. It understands the environment of apache/kafka, so tests written for
# that image run on this one.
#
#   usage: build-image.sh JARS [TAG]      default tag: apache/kafka:4.3.1
#
# Needs a running Docker engine, a JDK with jlink, and a static busybox.
set -euo pipefail

jars=$(cd "${1:?usage: build-image.sh JARS [TAG]}" && pwd)
tag=${2:-apache/kafka:4.3.1}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

for tool in docker jlink jar busybox ldd; do
  command -v "$tool" >/dev/null || {
    echo "build-image.sh: $tool is missing (Debian: apt-get install docker.io default-jdk-headless busybox-static)" >&2
    exit 1
  }
done
compgen -G "$jars/kafka_*.jar" >/dev/null || {
  echo "build-image.sh: no broker jar in $jars; run fetch-kafka.sh first" >&2
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root codecs=$work/codecs
mkdir -p "$root"/{bin,etc,tmp,proc,opt/kafka/{bin,config,libs},var/lib/kafka/data}
chmod 1777 "$root/tmp"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

# A shell and the few tools that scripts and a curious person need.
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in awk cat cp env grep head kill ls mkdir mv nc ps rm sed sh sleep tail tr wc; do
  ln -s busybox "$root/bin/$applet"
done

# A Java runtime with just the modules Kafka asks for.
jlink --output "$root/opt/java" --strip-debug --no-header-files --no-man-pages \
  --add-modules java.se,jdk.crypto.ec,jdk.management,jdk.security.auth,jdk.unsupported,jdk.zipfs
"$root/opt/java/bin/java" -Xshare:dump >/dev/null # starts brokers faster

# The system's libraries that Java and the native codecs inside the jars link.
# Codecs for other machines are there too; ldd says nothing about them.
mkdir "$codecs"
for jar in "$jars"/{zstd-jni,snappy-java,lz4-java}-*.jar; do
  (cd "$codecs" && jar --extract --file "$jar")
done
while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done < <(
  find "$root/opt/java" "$codecs" \( -name '*.so' -o -path '*/bin/java' \) -exec ldd {} \; 2>/dev/null |
    grep -o '/[^ ]*' | grep -v -e "^$work" -e ':$' | sort -u
)

cp "$jars"/*.jar "$root/opt/kafka/libs/"
install -m 755 "$here/start-broker.sh" "$root/opt/kafka/bin/start-broker.sh"
install -m 755 "$here/run-class.sh" "$root/opt/kafka/bin/kafka-run-class.sh"
command_for() { # NAME CLASS: a script as in Kafka's own distribution
  printf '#!/bin/sh\nLOG_LEVEL=${LOG_LEVEL:-warn} exec /opt/kafka/bin/kafka-run-class.sh %s "$@"\n' "$2" \
    >"$root/opt/kafka/bin/$1"
  chmod 755 "$root/opt/kafka/bin/$1"
}
command_for kafka-storage.sh kafka.tools.StorageTool
command_for kafka-console-producer.sh org.apache.kafka.tools.ConsoleProducer
command_for kafka-console-consumer.sh org.apache.kafka.tools.consumer.ConsoleConsumer
command_for kafka-topics.sh org.apache.kafka.tools.TopicCommand
command_for kafka-configs.sh kafka.admin.ConfigCommand
command_for kafka-consumer-groups.sh org.apache.kafka.tools.consumer.group.ConsumerGroupCommand
command_for kafka-transactions.sh org.apache.kafka.tools.TransactionsCommand
command_for connect-mirror-maker.sh org.apache.kafka.connect.mirror.MirrorMaker

tar --create --numeric-owner --owner=0 --group=0 --directory "$root" . | docker import \
  --message "Apache Kafka for the tests of mm2" \
  --change 'ENTRYPOINT ["/opt/kafka/bin/start-broker.sh"]' \
  --change 'ENV PATH=/bin:/opt/kafka/bin:/opt/java/bin' \
  --change 'EXPOSE 9092' - "$tag"
