package settings

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mm2/internal/connection"
	"mm2/internal/properties"
)

// clients reads the settings of each kind of client.
func (r *reader) clients(s *Settings) {
	r.bootstrap(s)
	s.Connection.Client.ID = r.values["client.id"].text
	r.connect(r.values, s.Connection.Bootstrap, &s.Connection)

	main := r.layered(mainConsumer)
	s.Main, s.OffsetReset = r.consumer(main, s), r.offsetReset(main)
	s.Restore = r.consumer(r.layered(restoreConsumer), s)
	s.Global = r.consumer(r.layered(globalConsumer), s)
	r.group(main, &s.Group)
	r.producer(r.layered(producer), s)
	r.connect(r.layered(admin).values, s.Connection.Bootstrap, &s.Admin)
	r.neverReset()
}

// layered are the settings that a kind of client reads, by their names without
// prefix: those without prefix, then those of each prefix over them.
func (r *reader) layered(k kind) from {
	merged := make(map[string]setting)
	for name, v := range r.values {
		if _, effect := k.has(name); effect || name == "client.id" {
			merged[name] = v
		}
	}
	for _, prefix := range k.prefixes {
		for _, name := range slices.Sorted(maps.Keys(r.values)) {
			key, ok := strings.CutPrefix(name, prefix)
			if _, effect := k.has(key); ok && effect {
				merged[key] = r.values[name]
			}
		}
	}
	return from{r, merged}
}

// bootstrap reads the addresses. All clients of an application work on one
// cluster: a transaction cannot span two.
func (r *reader) bootstrap(s *Settings) {
	v, ok := r.values["bootstrap.servers"]
	s.Connection.Bootstrap = properties.List(v.text)
	if !ok || len(s.Connection.Bootstrap) == 0 {
		r.problem(setting{key: "bootstrap.servers", line: v.line}, "is missing: want the addresses of one or more brokers", "")
	}
	for _, address := range s.Connection.Bootstrap {
		if err := properties.CheckAddress(address); err != nil {
			r.problem(v, err.Error(), "")
		}
	}
	for name, special := range r.values {
		prefix, key, _ := clientKey(name)
		if prefix != "" && key == "bootstrap.servers" && special.text != v.text {
			r.problem(special, "all clients of an application work on one cluster: want what bootstrap.servers has", "remove it")
		}
	}
}

// connect reads what reaches the cluster.
func (r *reader) connect(values map[string]setting, bootstrap []string, c *connection.Connection) {
	read := properties.Reader{
		Lookup: func(key string) (string, bool) {
			v, ok := values[key]
			return v.text, ok
		},
		Problem: func(key, rule, suggestion string) {
			v, ok := values[key]
			if !ok {
				v.key = key
			}
			r.problem(v, rule, suggestion)
		},
	}
	c.Bootstrap = bootstrap
	read.Security(c)
	read.Client(&c.Client)
}

func (r *reader) consumer(f from, s *Settings) Consumer {
	c := Consumer{
		FetchMinBytes: 1, FetchMaxWait: 500 * time.Millisecond, FetchMaxBytes: 50 << 20, PartitionMaxBytes: 1 << 20,
		MaxPollRecords: 1000,
	}
	r.connect(f.values, s.Connection.Bootstrap, &c.Connection)
	f.bytes("fetch.min.bytes", 1, &c.FetchMinBytes)
	f.shortMillis("fetch.max.wait.ms", 0, &c.FetchMaxWait)
	f.bytes("fetch.max.bytes", 1, &c.FetchMaxBytes)
	f.bytes("max.partition.fetch.bytes", 1, &c.PartitionMaxBytes)
	f.number("max.poll.records", 1, math.MaxInt32, &c.MaxPollRecords)
	check := true
	f.bool("check.crcs", &check)
	c.SkipChecksums = !check
	level := "read_uncommitted"
	choice(f, "isolation.level", &level, "read_uncommitted", "read_committed")
	c.ReadCommitted = level == "read_committed"
	if s.Guarantee == ExactlyOnceV2 && !c.ReadCommitted {
		if v, ok := f.values["isolation.level"]; ok {
			r.warn(v, "has no effect: with exactly_once_v2 it is read_committed", "remove it")
		}
		c.ReadCommitted = true
	}
	return c
}

func (r *reader) group(f from, g *Group) {
	*g = Group{
		SessionTimeout: 45 * time.Second, HeartbeatInterval: 3 * time.Second, RebalanceTimeout: 5 * time.Minute,
		InstanceID: f.values["group.instance.id"].text,
	}
	f.shortMillis("session.timeout.ms", 1, &g.SessionTimeout)
	f.shortMillis("heartbeat.interval.ms", 1, &g.HeartbeatInterval)
	f.shortMillis("max.poll.interval.ms", 1, &g.RebalanceTimeout)
	if g.HeartbeatInterval >= g.SessionTimeout {
		v, ok := f.values["heartbeat.interval.ms"]
		if !ok {
			v = f.values["session.timeout.ms"]
		}
		r.problem(v, "want heartbeat.interval.ms ("+ms(g.HeartbeatInterval)+") below session.timeout.ms ("+ms(g.SessionTimeout)+")", "")
	}
}

func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func (r *reader) producer(f from, s *Settings) {
	p := &s.Producer
	*p = Producer{
		Linger: 100 * time.Millisecond, BatchMaxBytes: 1 << 20, BufferBytes: 32 << 20, Compression: "none", Acks: "all",
		Idempotent: true, DeliveryTimeout: 2 * time.Minute, TransactionTimeout: 10 * time.Second,
	}
	exactly := s.Guarantee == ExactlyOnceV2
	if exactly {
		p.DeliveryTimeout = 0 // the transaction's own timeout is the limit
	}
	r.connect(f.values, s.Connection.Bootstrap, &p.Connection)
	f.millis("linger.ms", 0, &p.Linger)
	f.bytes("max.request.size", 1, &p.BatchMaxBytes)
	f.number("buffer.memory", 1, math.MaxInt64, &p.BufferBytes)
	choice(f, "compression.type", &p.Compression, slices.Sorted(maps.Keys(compressions))...)
	f.shortMillis("delivery.timeout.ms", 1, &p.DeliveryTimeout)
	f.shortMillis("transaction.timeout.ms", 1, &p.TransactionTimeout)
	r.acks(f, p, exactly)
}

// acks reads how safe a write is. Idempotence needs the acknowledgement of all
// replicas; as in Java, acks turns it off unless it is asked for.
func (r *reader) acks(f from, p *Producer, exactly bool) {
	v := f.values["acks"]
	if v.text == "-1" {
		v.text = "all"
		f.values["acks"] = v
	}
	choice(f, "acks", &p.Acks, "all", "1", "0")
	asked, ok := f.values["enable.idempotence"]
	f.bool("enable.idempotence", &p.Idempotent)
	if exactly && ok && !p.Idempotent {
		r.warn(asked, "has no effect: with exactly_once_v2 it is true", "remove it")
		p.Idempotent = true
	}
	if p.Acks == "all" || !p.Idempotent {
		return
	}
	if exactly || ok {
		r.problem(v, "want all: exactly_once_v2 and enable.idempotence need it", "")
		return
	}
	p.Idempotent = false
}

var isoDuration = regexp.MustCompile(`^P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})(\.\d{1,9})?S)?)?$`)

// offsetReset reads earliest, latest, none or by_duration:<ISO 8601>.
func (r *reader) offsetReset(f from) OffsetReset {
	reset := OffsetReset{Where: Earliest}
	v, ok := f.values["auto.offset.reset"]
	if !ok {
		return reset
	}
	text, byDuration := strings.CutPrefix(v.text, string(ByDuration)+":")
	if !byDuration {
		choice(f, "auto.offset.reset", &reset.Where, Earliest, Latest, None)
		return reset
	}
	m := isoDuration.FindStringSubmatch(text)
	if m == nil || strings.HasSuffix(text, "P") || strings.HasSuffix(text, "T") {
		r.problem(v, "want a duration such as by_duration:P1DT12H", "")
		return reset
	}
	seconds := 0.0
	for i, unit := range []float64{86400, 3600, 60, 1} {
		part := m[i+1]
		if unit == 1 {
			part += m[5]
		}
		n, _ := strconv.ParseFloat(part, 64) // digits, or nothing
		seconds += n * unit
	}
	return OffsetReset{Where: ByDuration, Back: time.Duration(min(seconds, float64(maxMillis)/1001) * float64(time.Second))}
}

// neverReset warns of settings that would let stores skip part of their topics.
func (r *reader) neverReset() {
	for _, key := range []string{"restore.consumer.auto.offset.reset", "global.consumer.auto.offset.reset"} {
		if v, ok := r.values[key]; ok && v.text != string(None) {
			r.warn(v, "has no effect: stores read their topics from the start or from where they were", "remove it")
		}
	}
}

// together checks settings that depend on one another.
func (r *reader) together(s *Settings) {
	if s.Guarantee != ExactlyOnceV2 || s.Producer.TransactionTimeout >= s.CommitInterval {
		return
	}
	v, ok := r.values["producer.transaction.timeout.ms"]
	if !ok {
		if v, ok = r.values["transaction.timeout.ms"]; !ok {
			v = r.values["commit.interval.ms"]
		}
	}
	r.problem(v, "with exactly_once_v2 want producer.transaction.timeout.ms ("+ms(s.Producer.TransactionTimeout)+
		") of at least commit.interval.ms ("+ms(s.CommitInterval)+"): transactions would time out before they are committed", "")
}
