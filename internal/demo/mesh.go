package demo

import (
	"fmt"
	"io/fs"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/config"
	"mm2/topology"
)

const (
	topic      = "orders"
	partitions = 4
)

// aliases are the two ends.
var aliases = [2]topology.Alias{"seoul", "tokyo"}

// network is where the clusters listen and how clients reach them. The zero
// network is the machine's, with free ports.
type network struct {
	listen func(network, address string) (net.Listener, error)
	ports  [2]int
	dial   []kgo.Opt
}

// mesh is the two clusters and the configuration that connects them.
type mesh struct {
	network  network
	clusters map[topology.Alias]*kfake.Cluster
	config   *config.Config
}

// meshFile is the file that a user would write for two real clusters.
const meshFile = `[clusters.%[1]s]
bootstrap = [%[2]s]

[clusters.%[3]s]
bootstrap = [%[4]s]

[defaults]
lanes = %[5]d

[[topology]]
kind     = "active-active"
clusters = ["%[1]s", "%[3]s"]
topics   = ["%[6]s"]
`

// startMesh starts the clusters. The caller closes the mesh after everything
// that uses it.
func startMesh(n network, listen string) (*mesh, error) {
	m := &mesh{network: n, clusters: make(map[topology.Alias]*kfake.Cluster)}
	for i, alias := range aliases {
		opts := []kfake.Opt{kfake.NumBrokers(1), kfake.ClusterID("mm2-demo-" + string(alias)), kfake.SeedTopics(partitions, topic)}
		if n.listen != nil {
			opts = append(opts, kfake.ListenFn(n.listen), kfake.Ports(n.ports[i]))
		}
		c, err := kfake.NewCluster(opts...)
		if err != nil {
			m.close()
			return nil, fmt.Errorf("start cluster %s: %w", alias, err)
		}
		m.clusters[alias] = c
	}
	text := fmt.Sprintf(meshFile, aliases[0], m.bootstrap(aliases[0]), aliases[1], m.bootstrap(aliases[1]), partitions, topic)
	var err error
	m.config, err = config.Load("demo.toml", config.WithReadFile(func(path string) ([]byte, error) {
		if path != "demo.toml" {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}))
	if err != nil {
		m.close()
		return nil, err
	}
	m.config.Service.Listen = listen // a file may not say port 0
	return m, nil
}

func (m *mesh) close() {
	for _, c := range m.clusters {
		c.Close()
	}
}

// addresses of a cluster's brokers.
func (m *mesh) addresses(alias topology.Alias) []string { return m.clusters[alias].ListenAddrs() }

// bootstrap is the addresses as a list in TOML.
func (m *mesh) bootstrap(alias topology.Alias) string {
	return `"` + strings.Join(m.addresses(alias), `", "`) + `"`
}

// client returns a client of one cluster.
func (m *mesh) client(alias topology.Alias, role string, opts ...kgo.Opt) (*kgo.Client, error) {
	opts = append(opts, kgo.SeedBrokers(m.addresses(alias)...), kgo.ClientID("demo|"+string(alias)+"|"+role), kgo.DisableClientMetrics())
	cl, err := kgo.NewClient(append(opts, m.network.dial...)...)
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", alias, err)
	}
	return cl, nil
}
