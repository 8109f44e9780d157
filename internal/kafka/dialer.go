// Package kafka is the only place that builds Kafka clients, and has the ends
// of the pipeline that are Kafka.
//
// A [Dialer] knows one cluster: addresses, TLS, SASL, timeouts. Every client
// comes from it. [PartitionSource] reads assigned partitions directly,
// [TxnSink] writes batches and the marks of their source in one transaction,
// [MarkTopic] is where marks are kept. [Explain] turns common errors of
// clients into errors that say what to do.
//
// The package does not decide what is copied where: that is package
// replicator's, and who copies it package lane's.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/connection"
	"mm2/internal/version"
	"mm2/topology"
)

const (
	// A broker that restarts on a fast machine is back within tens of
	// milliseconds, so the first retry is early; two seconds keep a fleet of
	// workers from hammering a cluster that stays away.
	defaultRetryBackoff    = 20 * time.Millisecond
	defaultRetryBackoffMax = 2 * time.Second

	// Refreshing on an error may happen this often. Moving a partition leader
	// stalls a lane for about this long.
	metadataMinAge = 250 * time.Millisecond

	// The default of Kafka's clients. Leader changes are found by errors, not
	// by age; discovery of topics has its own period.
	defaultMetadataMaxAge = 5 * time.Minute

	// Brokers close connections that idle for ten minutes. Staying below it
	// lets us close first, and a quiet topic does not pay for a TLS and SASL
	// handshake at each record.
	defaultConnIdle = 9 * time.Minute

	defaultRequestTimeout = 10 * time.Second // on top of a request's own timeout
	defaultDialTimeout    = 10 * time.Second // socket.connection.setup.timeout.ms
)

// Dialer builds the clients of one cluster. It holds everything that the
// clients have in common: addresses, certificates, credentials, timeouts.
// A Dialer is safe for concurrent use and needs no closing; its clients do.
type Dialer struct {
	alias  topology.Alias
	prefix string // of client ids
	shared []kgo.Opt
	extra  []kgo.Opt
	logger *slog.Logger
	proven atomic.Bool

	mu      sync.Mutex // guards traffic
	traffic map[string]*traffic
}

// NewDialer checks c and loads its certificates and stores, once. It opens no
// connection. The error names every problem found, each with what was tried,
// on which file, and what to do about it.
//
// The opts are appended to those of each client. A kgo.Dialer among them
// replaces the transport and therefore cannot be combined with TLS.
func NewDialer(alias topology.Alias, c connection.Connection, logger *slog.Logger, opts ...kgo.Opt) (*Dialer, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	d := &Dialer{
		alias:  alias,
		prefix: c.Client.ID,
		extra:  opts,
		logger: logger.With(logCluster, string(alias)), traffic: map[string]*traffic{},
	}
	if d.prefix == "" {
		d.prefix = "mm2"
	}
	d.shared = append(d.shared,
		kgo.SoftwareNameAndVersion("mm2", softwareVersion()),
		kgo.DisableClientMetrics(),
		kgo.WithHooks(&proof{&d.proven}),
	)
	d.shared = append(d.shared, clientOpts(c.Client)...)

	bootstrap, bootstrapErr := bootstrapOpts(c.Bootstrap)
	transport, transportErr := transportOpts(c)
	sasl, saslErr := saslOpts(c)
	err := errors.Join(bootstrapErr, transportErr, saslErr)
	if err == nil {
		d.shared = append(append(append(d.shared, bootstrap...), transport...), sasl...)
		err = kgo.ValidateOpts(d.opts("check")...)
	}
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", alias, err)
	}
	return d, nil
}

// Alias is the name of the cluster in the mesh.
func (d *Dialer) Alias() topology.Alias { return d.alias }

// Client returns a new client whose id is "<client.id or mm2>|<alias>|<role>",
// which is what brokers show in logs and key quotas by. It does not wait for a
// connection. The caller closes it. The opts win over the Dialer's.
func (d *Dialer) Client(role string, opts ...kgo.Opt) (*kgo.Client, error) {
	cl, err := kgo.NewClient(append(d.opts(role), opts...)...)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: client %q: %w", d.alias, role, err)
	}
	return cl, nil
}

// ClusterID asks the cluster for its id. It is empty when the cluster does not
// tell. Errors are explained (see [Explain]).
func (d *Dialer) ClusterID(ctx context.Context) (string, error) {
	cl, err := d.Client("probe")
	if err != nil {
		return "", err
	}
	defer cl.Close()
	meta, err := kadm.NewClient(cl).BrokerMetadata(ctx)
	if err != nil {
		return "", fmt.Errorf("cluster %s: read cluster id: %w", d.alias, Explain(err))
	}
	return meta.Cluster, nil
}

// ErrSameCluster says that two aliases of the mesh lead to one cluster.
var ErrSameCluster = errors.New("both aliases lead to the same cluster")

// Distinct returns nil if a and b lead to different clusters, an error that
// is [ErrSameCluster] if they do not, and any other error if that could not be
// found out. Clusters that do not tell their id count as different.
func Distinct(ctx context.Context, a, b *Dialer) error {
	idA, err := a.ClusterID(ctx)
	if err != nil {
		return err
	}
	idB, err := b.ClusterID(ctx)
	if err != nil {
		return err
	}
	if idA != "" && idA == idB {
		return advise(fmt.Errorf("clusters %s and %s: %w (id %s)", a.alias, b.alias, ErrSameCluster, idA),
			"correct the bootstrap servers of one of them: mirroring a cluster onto itself never ends")
	}
	return nil
}

// ClientID is the id of the client with the given role.
func (d *Dialer) ClientID(role string) string { return d.prefix + "|" + string(d.alias) + "|" + role }

// opts are the options of the client with the given role.
func (d *Dialer) opts(role string) []kgo.Opt {
	opts := make([]kgo.Opt, 0, len(d.shared)+len(d.extra)+4)
	opts = append(opts, d.shared...)
	opts = append(opts, kgo.ClientID(d.ClientID(role)), kgo.WithLogger(clientLogger(d.logger.With(logClient, role))), kgo.WithHooks(d.counted(role)))
	if d.proven.Load() {
		// A connection that ends before the first answer hints at a wrong
		// security.protocol and is then not retried. Once any client of this
		// cluster got an answer, it is a broker going down.
		opts = append(opts, kgo.AlwaysRetryEOF())
	}
	return append(opts, d.extra...)
}

// proof is a hook that notes that the configuration works: some request was
// answered after the handshakes.
type proof struct{ proven *atomic.Bool }

func (p *proof) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	switch kmsg.Key(key) {
	case kmsg.ApiVersions, kmsg.SASLHandshake, kmsg.SASLAuthenticate:
	default:
		if e2e.Err() == nil && !p.proven.Load() {
			p.proven.Store(true)
		}
	}
}

func bootstrapOpts(servers []string) ([]kgo.Opt, error) {
	if len(servers) == 0 {
		return nil, advise(errors.New("no bootstrap servers"), "name at least one broker as host:port")
	}
	var errs []error
	for _, s := range servers {
		if err := checkHostPort(s); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	seeds := append([]string(nil), servers...)
	return []kgo.Opt{
		kgo.SeedBrokers(seeds...),
		kgo.OnRebootstrapRequired(func() ([]string, error) { return append([]string(nil), seeds...), nil }),
	}, nil
}

func checkHostPort(s string) error {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		return advise(fmt.Errorf("bootstrap server %q has a scheme", s),
			"write %s and choose the security protocol with its own key", rest)
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return advise(fmt.Errorf("bootstrap server %q is not host:port", s), "write it like broker.example.com:9092")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return advise(fmt.Errorf("bootstrap server %q has no valid port", s), "ports are 1 to 65535")
	}
	if host == "" {
		return advise(fmt.Errorf("bootstrap server %q has no host", s), "write it like broker.example.com:9092")
	}
	return nil
}

func clientOpts(c connection.Client) []kgo.Opt {
	// The client library refuses values outside of these ranges; Java's
	// clients take any, and -1 for "never". The nearest value does the same.
	opts := []kgo.Opt{
		kgo.RequestTimeoutOverhead(within(c.RequestTimeout, defaultRequestTimeout, 100*time.Millisecond, 15*time.Minute)),
		kgo.DialTimeout(within(c.DialTimeout, defaultDialTimeout, time.Millisecond, time.Hour)),
		kgo.ConnIdleTimeout(within(c.ConnIdle, defaultConnIdle, 100*time.Millisecond, 15*time.Minute)),
		kgo.MetadataMaxAge(within(c.MetadataMaxAge, defaultMetadataMaxAge, metadataMinAge, time.Hour)),
		kgo.MetadataMinAge(metadataMinAge),
		kgo.RetryBackoffFn(retryBackoff(c.RetryBackoff, c.RetryBackoffMax)),
	}
	if c.Rack != "" {
		opts = append(opts, kgo.Rack(c.Rack))
	}
	return opts
}

// within returns def for 0, the upper bound for negative values ("never"), and
// otherwise v moved into [lo, hi].
func within(v, def, lo, hi time.Duration) time.Duration {
	switch {
	case v == 0:
		return def
	case v < 0:
		return hi
	}
	return min(max(v, lo), hi)
}

// retryBackoff doubles from first to last, each delay between 80 and 120
// percent of its nominal value so that workers do not come back in step. The
// client library counts the failures; package backoff counts for itself.
func retryBackoff(first, last time.Duration) func(fails int) time.Duration {
	if first <= 0 {
		first = defaultRetryBackoff
	}
	if last <= 0 {
		last = defaultRetryBackoffMax
	}
	last = max(first, last)
	return func(fails int) time.Duration {
		d := first
		for i := 1; i < fails && d < last; i++ {
			d *= 2
		}
		d = min(d, last)
		return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
	}
}

// transportOpts is TLS where the protocol asks for it.
func transportOpts(c connection.Connection) ([]kgo.Opt, error) {
	switch c.Protocol {
	case "", connection.Plaintext, connection.SASLPlaintext:
		return nil, nil
	case connection.SSL, connection.SASLSSL:
		cfg, err := tlsConfig(c.TLS)
		if err != nil {
			return nil, err
		}
		return []kgo.Opt{kgo.DialTLSConfig(cfg)}, nil
	}
	return nil, advise(fmt.Errorf("unknown security protocol %q", c.Protocol),
		"use PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
}

var versionText = regexp.MustCompile(`[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?`)

// softwareVersion is what brokers are told (KIP-511). They accept letters,
// digits, dots and dashes only.
func softwareVersion() string {
	if v := versionText.FindString(version.String()); v != "" {
		return v
	}
	return "unknown"
}
