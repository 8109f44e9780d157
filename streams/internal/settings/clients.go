package settings

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/connection"
)

// What the client library takes for one request or response: at most, and
// without being asked.
const (
	maxBrokerBytes   = 1 << 30
	usualBrokerBytes = 100 << 20
)

// Consumer are the settings of one kind of consumer.
type Consumer struct {
	Connection        connection.Connection
	FetchMinBytes     int32         // fetch.min.bytes
	FetchMaxWait      time.Duration // fetch.max.wait.ms
	FetchMaxBytes     int32         // fetch.max.bytes
	PartitionMaxBytes int32         // max.partition.fetch.bytes
	MaxPollRecords    int           // max.poll.records: for kgo.Client.PollRecords, not an option
	ReadCommitted     bool          // isolation.level
	SkipChecksums     bool          // check.crcs=false
}

// Opts are the options of a client that fetches so. Here and below, values
// that the client library does not take are moved to the nearest that it does.
func (c Consumer) Opts() []kgo.Opt {
	level := kgo.ReadUncommitted()
	if c.ReadCommitted {
		level = kgo.ReadCommitted()
	}
	fetchBytes := min(c.FetchMaxBytes, maxBrokerBytes)
	opts := []kgo.Opt{
		kgo.FetchMinBytes(c.FetchMinBytes), kgo.FetchMaxWait(max(c.FetchMaxWait, 10*time.Millisecond)),
		kgo.FetchMaxBytes(fetchBytes), kgo.BrokerMaxReadBytes(max(fetchBytes, usualBrokerBytes)),
		kgo.FetchMaxPartitionBytes(c.PartitionMaxBytes), kgo.FetchIsolationLevel(level),
	}
	if c.SkipChecksums {
		opts = append(opts, kgo.DisableFetchCRCValidation())
	}
	return opts
}

// Group are the settings of the membership of Main in its group.
type Group struct {
	SessionTimeout    time.Duration // session.timeout.ms
	HeartbeatInterval time.Duration // heartbeat.interval.ms
	RebalanceTimeout  time.Duration // max.poll.interval.ms, which Java's clients send as such
	// InstanceID is group.instance.id: static membership. Empty: none.
	InstanceID string
}

// Opts are the options of the consumer of a thread, which counts from 1.
func (g Group) Opts(thread int) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SessionTimeout(max(g.SessionTimeout, 100*time.Millisecond)), kgo.HeartbeatInterval(g.HeartbeatInterval),
		kgo.RebalanceTimeout(max(g.RebalanceTimeout, 100*time.Millisecond)),
	}
	if g.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(g.InstanceID+"-"+strconv.Itoa(thread)))
	}
	return opts
}

// Producer are the settings of producers.
type Producer struct {
	Connection      connection.Connection
	Linger          time.Duration // linger.ms
	BatchMaxBytes   int32         // max.request.size: no batch is larger
	BufferBytes     int           // buffer.memory
	Compression     string        // compression.type: none, gzip, snappy, lz4 or zstd
	Acks            string        // acks: all, 1 or 0
	Idempotent      bool          // enable.idempotence
	DeliveryTimeout time.Duration // delivery.timeout.ms; 0: unlimited
	// TransactionTimeout is transaction.timeout.ms, used with ExactlyOnceV2.
	TransactionTimeout time.Duration
}

var compressions = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

var acks = map[string]kgo.Acks{"all": kgo.AllISRAcks(), "1": kgo.LeaderAck(), "0": kgo.NoAck()}

// Opts are the options of a client that produces so. The transactional id is
// the caller's to add, and with one the TransactionTimeout.
func (p Producer) Opts() []kgo.Opt {
	batch := min(max(p.BatchMaxBytes, 512), maxBrokerBytes)
	opts := []kgo.Opt{
		kgo.ProducerLinger(min(p.Linger, time.Minute)), kgo.ProducerBatchMaxBytes(batch),
		kgo.BrokerMaxWriteBytes(max(batch, usualBrokerBytes)), kgo.MaxBufferedBytes(p.BufferBytes),
		kgo.ProducerBatchCompression(compressions[p.Compression]), kgo.RequiredAcks(acks[p.Acks]),
	}
	if !p.Idempotent {
		opts = append(opts, kgo.DisableIdempotentWrite())
	}
	if p.DeliveryTimeout > 0 {
		opts = append(opts, kgo.RecordDeliveryTimeout(max(p.DeliveryTimeout, time.Second)))
	}
	return opts
}
