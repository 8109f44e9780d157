package config

import (
	"time"

	"mm2/topology"
)

// Never is the DiscoveryInterval of a flow that looks for topics only when it
// starts (refresh.topics.enabled=false).
const Never = 10 * 365 * 24 * time.Hour

// defaultTopicsExclude is the default of topics.exclude since Kafka 4.0
// (KIP-1074): the topics of MirrorMaker, copies made by other replicators, and
// what the broker keeps for itself.
func defaultTopicsExclude() []string {
	return []string{`mm2.*\.internal`, `.*\.replica`, `__.*`}
}

// defaultConfigExclude is the default of config.properties.exclude in Kafka
// 4.3.1, and two more. That list has the broker's names log.message.timestamp…
// where it means topic configs, so that message.timestamp.before.max.ms and
// message.timestamp.after.max.ms, both local limits on clocks, slip through.
func defaultConfigExclude() []string {
	return []string{
		`follower\.replication\.throttled\.replicas`,
		`leader\.replication\.throttled\.replicas`,
		`message\.timestamp\.difference\.max\.ms`,
		`log\.message\.timestamp\.before\.max\.ms`,
		`log\.message\.timestamp\.after\.max\.ms`,
		`message\.timestamp\.before\.max\.ms`,
		`message\.timestamp\.after\.max\.ms`,
		`message\.timestamp\.type`,
		`unclean\.leader\.election\.enable`,
		`min\.insync\.replicas`,
	}
}

// defaultFlow is what a flow is when a file says nothing about it.
func defaultFlow() Flow {
	return Flow{
		Flow: topology.Flow{Copy: true, ReplicateHeartbeats: true, Provenance: topology.ProvenanceAuto},
		// Eight lanes keep both cores of a small worker busy and leave room
		// for four such workers; each costs one producer and one transaction.
		Lanes:    8,
		Delivery: ExactlyOnce,
		// The target knows best how many replicas it has room for; any number
		// chosen here is wrong for a single broker or for a careful cluster.
		ReplicationFactor:           -1,
		LanesReplicationFactor:      -1,
		HeartbeatsReplicationFactor: -1,
		// One metadata request to each cluster every five seconds is nothing,
		// and a new topic should not wait for the ten minutes of Java.
		DiscoveryInterval: 5 * time.Second,
		// A commit takes a few milliseconds: at two a second it costs about
		// one per cent. 32 MiB is half a second of 64 MiB/s.
		CommitInterval: 500 * time.Millisecond,
		CommitBytes:    32 << 20,
		// Ten seconds is Connect's session, too. The transaction of a dead
		// worker must end before its lane is given away.
		SessionTimeout:     10 * time.Second,
		TransactionTimeout: transactionTimeout(10 * time.Second),
		Compression:        "source",
		Heartbeats:         Heartbeats{Emit: true, Interval: time.Second},
		// Half a minute is what a person waits for a change to arrive; a look
		// costs one request for each thousand topics on either side.
		ConfigSync: Sync{
			Configs: true, ACLs: true, ACLMode: ACLJava, Mode: Enforce, Interval: 30 * time.Second, DefaultsFrom: "target",
		},
		// As in Java, so that its readers find what they know.
		OffsetSyncs: OffsetSyncs{Emit: true, Location: "source", LagMax: 100, ReplicationFactor: -1},
		// A quarter of a second gathers the commits of many groups into one
		// round. 64 MiB hold some four million runs of records.
		Checkpoints: Checkpoints{Emit: true, Interval: 250 * time.Millisecond, ReplicationFactor: -1, IndexBytes: 64 << 20},
		Groups:      Groups{Sync: true, SyncInterval: 250 * time.Millisecond, Follow: "auto", PollInterval: time.Second},
		// What loses data waits for a person. What somebody else wrote into a
		// copy loses nothing of ours.
		OnTrouble: OnTrouble{
			RetentionOvertook: Halt, SourceTruncated: Halt, SourceRecreated: Halt, TargetRecreated: Halt, TargetWritten: Skip,
			RecordRefused: Park,
		},
		Java: Java{TakeOver: true, Connector: "MirrorSourceConnector"},
	}
}

// defaultGroupsExclude is Java's default of groups.exclude.
func defaultGroupsExclude() []string {
	return []string{`console-consumer-.*`, `connect-.*`, `__.*`}
}

// transactionTimeout is what suits a session: four fifths of it.
func transactionTimeout(session time.Duration) time.Duration { return session / 5 * 4 }

// javaMetricsFormats are the values of metric.names.formats, in the order in
// which they are kept.
var javaMetricsFormats = []string{"legacy", "new"}

// defaultService listens where Prometheus expects an exporter, and only for
// this machine.
func defaultService() Service {
	return Service{Listen: "127.0.0.1:9464", LogLevel: "info", LogFormat: "text", JavaMetrics: []string{"legacy"}}
}
