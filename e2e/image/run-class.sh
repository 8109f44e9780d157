#!/bin/sh
# Runs a Java class of Kafka inside the test image: run-class.sh CLASS ARGS...
# shellcheck disable=SC2086 # options are split on purpose
exec /opt/java/bin/java ${KAFKA_HEAP_OPTS:--Xmx256m} ${KAFKA_JVM_PERFORMANCE_OPTS:-} ${KAFKA_OPTS:-} \
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=${LOG_LEVEL:-info}" \
  -Dorg.slf4j.simpleLogger.showDateTime=true "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS" \
  -Dorg.slf4j.simpleLogger.logFile=System.out \
  -cp '/opt/kafka/libs/*' "$@"
