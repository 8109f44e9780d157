package streams

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/runtime"
	"mm2/streams/internal/settings"
)

// Cluster is how a cluster is reached that a topology names with OnCluster.
type Cluster struct {
	// BootstrapServers are brokers as host:port. At least one is required.
	BootstrapServers []string
	// Properties are settings of its clients by Kafka's names, such as
	// security.protocol, sasl.jaas.config or consumer.fetch.max.bytes.
	Properties map[string]string
	// ClientOptions are options of all clients of this cluster, after those of
	// Config.ClientOptions.
	ClientOptions []kgo.Opt
}

// OnCluster says on which cluster of Config.Clusters the topics of a source, a
// global table or a sink are; without it they are on the home cluster. A record
// that a sink sends to another cluster is not part of the transaction: with
// ExactlyOnce such a sink needs Direct and AllowDuplicates.
func OnCluster(alias string) Option {
	return Option{optCluster, func(o *options) { o.cluster = alias }}
}

// Direct has a sink on another cluster write there before the commit at home. A
// crash between the two repeats the records. With ExactlyOnce it is refused
// without AllowDuplicates.
func Direct() Option {
	return Option{optDirect, func(o *options) { o.direct = true }}
}

// AllowDuplicates accepts that a sink with Direct may write records more than
// once, while state and all outputs at home are exactly once.
func AllowDuplicates() Option {
	return Option{optDuplicates, func(o *options) { o.duplicates = true }}
}

// checkCluster checks what of an operator's options hangs together.
func (o *options) checkCluster(b *Builder, operator string) {
	if o.has(optCluster) {
		if err := checkName(o.cluster); err != nil {
			b.fail(fmt.Errorf("%s: OnCluster: %w", operator, err))
		}
	}
	if o.has(optDirect) && !o.has(optCluster) {
		b.fail(fmt.Errorf("%s: Direct is for a sink on another cluster: name that with OnCluster", operator))
	}
	if o.has(optDuplicates) && !o.has(optDirect) {
		b.fail(fmt.Errorf("%s: AllowDuplicates says what Direct may do: give both or none", operator))
	}
}

// home puts what Clusters says of the home cluster where the settings of an
// application with one cluster are.
func (c *Config) home(minimal map[string]string) error {
	if c.Home == "" {
		return nil
	}
	at, ok := c.Clusters[c.Home]
	switch {
	case !ok && len(c.BootstrapServers) == 0:
		return fmt.Errorf("home is cluster %q, which is not among Clusters (%q): add it, or give BootstrapServers", c.Home, slices.Sorted(maps.Keys(c.Clusters)))
	case !ok:
		return nil
	case len(c.BootstrapServers) > 0 && !slices.Equal(c.BootstrapServers, at.BootstrapServers):
		return fmt.Errorf("BootstrapServers are %q, and those of cluster %q, which is home, %q: give one of them", c.BootstrapServers, c.Home, at.BootstrapServers)
	case c.parsed != nil && len(at.Properties) > 0:
		return fmt.Errorf("cluster %q, which is home, has Properties beside those of ParseConfig: put them there", c.Home)
	}
	c.BootstrapServers = at.BootstrapServers
	if err := settings.CheckClients(at.Properties); err != nil {
		return fmt.Errorf("cluster %q: %w", c.Home, err)
	}
	maps.Copy(minimal, at.Properties)
	return nil
}

// remotes are the clusters besides home.
func (c *Config) remotes(s *settings.Settings) (map[string]runtime.Remote, error) {
	remotes := make(map[string]runtime.Remote)
	var errs []error
	for _, alias := range slices.Sorted(maps.Keys(c.Clusters)) {
		at := c.Clusters[alias]
		if err := checkName(alias); err != nil {
			errs = append(errs, fmt.Errorf("alias of a cluster: %w", err))
		}
		if alias == c.Home {
			continue
		}
		of, err := settings.OfCluster(s, at.BootstrapServers, at.Properties)
		if err != nil {
			errs = append(errs, fmt.Errorf("cluster %q: %w", alias, err))
			continue
		}
		remotes[alias] = runtime.Remote{Settings: of, Clients: at.ClientOptions}
	}
	return remotes, errors.Join(errs...)
}
