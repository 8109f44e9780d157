#!/usr/bin/env bash
# Fetches the jars of Apache Kafka with Maven into a cache directory and prints
# that directory. Does nothing if they are there already.
#
#   usage: fetch-kafka.sh [VERSION]
#
# MM2_CACHE changes the cache from ${XDG_CACHE_HOME:-~/.cache}/mm2.
set -euo pipefail

version=${1:-4.3.1}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${MM2_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mm2}
jars=$cache/kafka-$version

if [[ ! -e $jars/.complete ]]; then
  command -v mvn >/dev/null || {
    echo "fetch-kafka.sh: mvn is missing; install Maven (Debian: apt-get install maven)" >&2
    exit 1
  }
  mkdir -p "$jars"
  mvn --quiet --batch-mode --file "$here/pom.xml" "-Dkafka.version=$version" \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    "-DoutputDirectory=$jars" -DincludeScope=runtime >&2
  touch "$jars/.complete"
fi
echo "$jars"
