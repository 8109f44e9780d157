package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/streams/internal/graph"
	"mm2/streams/internal/internaltopics"
	"mm2/streams/internal/settings"
	"mm2/topology"
)

// Remote is a cluster besides home.
type Remote struct {
	Settings settings.Settings // of its clients
	Clients  []kgo.Opt         // of all its clients, after Config.Clients
}

// remote is what an App has of a cluster besides home.
type remote struct {
	alias string
	Remote
	dial dialers

	// Set by Run before anything else runs.
	admin  *kadm.Client
	topics *internaltopics.Manager
}

// newRemotes makes those that the topology names.
func newRemotes(c *Config) (map[string]*remote, error) {
	remotes := make(map[string]*remote)
	var errs []error
	for alias, r := range c.Remotes {
		made := &remote{alias: alias, Remote: r}
		dial := func(to **kafka.Dialer, conn connection.Connection) {
			var err error
			if *to, err = kafka.NewDialer(topology.Alias(alias), conn, c.Logger); err != nil {
				errs = append(errs, err)
			}
		}
		dial(&made.dial.main, r.Settings.Main.Connection)
		dial(&made.dial.global, r.Settings.Global.Connection)
		dial(&made.dial.producer, r.Settings.Producer.Connection)
		dial(&made.dial.admin, r.Settings.Admin)
		remotes[alias] = made
	}
	return remotes, errors.Join(errs...)
}

// own are the user's options of all clients of the cluster.
func (r *remote) own(c *Config) []kgo.Opt { return slices.Concat(c.Clients, r.Clients) }

// openRemotes makes the admin clients of the clusters besides home; the result
// closes them.
func (a *App) openRemotes() (closeAll func(), err error) {
	var clients []*kgo.Client
	closeAll = func() {
		for _, cl := range clients {
			cl.Close()
		}
	}
	for _, r := range a.remotes {
		opts := slices.Concat([]kgo.Opt{a.clientID("admin")}, r.own(&a.cfg))
		cl, err := r.dial.admin.Client("admin", opts...)
		if err != nil {
			closeAll()
			return nil, err
		}
		clients = append(clients, cl)
		r.admin = kadm.NewClient(cl)
		r.topics = internaltopics.NewManager(r.admin, a.log)
	}
	return closeAll, nil
}

// adminOf is the admin client of a cluster; the empty name is home's.
func (a *App) adminOf(cluster string) *kadm.Client {
	if cluster == "" {
		return a.admin
	}
	return a.remotes[cluster].admin
}

func (a *App) topicsOf(cluster string) *internaltopics.Manager {
	if cluster == "" {
		return a.topics
	}
	return a.remotes[cluster].topics
}

// settingsOf are those of the clients of a cluster.
func (a *App) settingsOf(cluster string) *settings.Settings {
	if cluster == "" {
		return &a.cfg.Settings
	}
	return &a.remotes[cluster].Settings
}

// qualified is the name of a topic where topics of several clusters meet: a slash
// is not legal in the names of topics.
func qualified(cluster, topic string) string {
	if cluster == "" {
		return topic
	}
	return cluster + "/" + topic
}

func unqualified(name string) (cluster, topic string) {
	if cluster, topic, away := strings.Cut(name, "/"); away {
		return cluster, topic
	}
	return "", name
}

// partitionsOf are the partition counts of those of the topics that exist, by
// qualified names.
func (a *App) partitionsOf(ctx context.Context, names ...string) (map[string]int32, error) {
	byCluster := make(map[string][]string)
	for _, name := range names {
		cluster, topic := unqualified(name)
		byCluster[cluster] = append(byCluster[cluster], topic)
	}
	counts := make(map[string]int32)
	for cluster, topics := range byCluster {
		found, err := a.topicsOf(cluster).Partitions(ctx, topics...)
		if err != nil {
			return nil, onCluster(cluster, err)
		}
		for topic, n := range found {
			counts[qualified(cluster, topic)] = n
		}
	}
	return counts, nil
}

func onCluster(cluster string, err error) error {
	if err == nil || cluster == "" {
		return err
	}
	return fmt.Errorf("cluster %s: %w", cluster, err)
}

// checkClusters finds what New refuses of nodes on other clusters than home.
func (c *Config) checkClusters() error {
	var errs []error
	known := slices.Sorted(maps.Keys(c.Remotes))
	if c.Home != "" {
		known = append(known, c.Home)
	}
	reads := make(map[string]string) // by qualified topic: the source
	for _, n := range c.Topology.Nodes {
		cluster := clusterOf(n, c.Home)
		if _, ok := c.Remotes[cluster]; cluster != "" && !ok {
			errs = append(errs, fmt.Errorf("node %q is on cluster %q, which the configuration does not have (it has %q): add it to Clusters", n.Name, cluster, known))
			continue
		}
		if n.Kind == graph.Source {
			for _, topic := range n.Topics {
				name := qualified(cluster, topic)
				if other, twice := reads[name]; twice {
					errs = append(errs, fmt.Errorf("topic %q is read by two sources, %q and %q, as %q is home: read it once and use the stream twice", topic, other, n.Name, c.Home))
				}
				reads[name] = n.Name
			}
		}
		if n.Kind == graph.Sink && cluster != "" && c.exactlyOnce() {
			errs = append(errs, refuseSink(n, cluster))
		}
	}
	return errors.Join(errs...)
}

// clusterOf is the cluster of a node; empty for home, by whatever name.
func clusterOf(n *graph.Node, home string) string {
	if n.Cluster == home {
		return ""
	}
	return n.Cluster
}

// refuseSink refuses a sink that would repeat records although exactly-once was
// asked for, unless that was asked for, too.
func refuseSink(n *graph.Node, cluster string) error {
	if n.Direct && n.Duplicates {
		return nil
	}
	have := "Direct and AllowDuplicates"
	if n.Direct {
		have = "AllowDuplicates beside Direct"
	}
	return fmt.Errorf("sink %q writes to cluster %q, and no transaction covers two clusters: write to a topic of the home cluster and let a replication flow of mm2 "+
		"bring it to %q, which is exactly-once, later; or give the sink %s, if repeated records are no matter there", n.Name, cluster, cluster, have)
}
