package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams/internal/graph"
)

// Sinks on other clusters write there outside of the transaction. What they sent
// is acknowledged before anything is committed at home. A crash in between lets
// the next owner of the task send it again: at-least-once.

// openAway makes a producer of each other cluster that has sinks.
func (t *thread) openAway() error {
	t.out.away = make(map[string]*kgo.Client)
	for _, n := range t.app.cfg.Topology.Nodes {
		cluster := t.app.layout.clusterOf(n)
		if n.Kind != graph.Sink || cluster == "" || t.out.away[cluster] != nil {
			continue
		}
		r := t.app.remotes[cluster]
		set := r.Settings.Producer
		set.DeliveryTimeout = 0 // as at home: settle bounds the wait
		opts := slices.Concat([]kgo.Opt{t.clientID("producer")}, set.Opts(), r.own(&t.app.cfg), []kgo.Opt{kgo.RecordPartitioner(newPartitioner())})
		if set.Idempotent {
			opts = append(opts, kgo.StopProducerOnDataLossDetected())
		}
		client, err := r.dial.producer.Client("producer", opts...)
		if err != nil {
			return err
		}
		t.out.away[cluster] = client
	}
	return nil
}

// flush waits until all clusters have answered for all records.
func (p *producer) flush(ctx context.Context) error {
	for cluster, client := range p.away {
		if err := client.Flush(ctx); err != nil {
			return onCluster(cluster, fmt.Errorf("wait for acknowledgements: %w", fromBroker(err)))
		}
	}
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("wait for acknowledgements: %w", fromBroker(err))
	}
	return nil
}

// dropAway drops records for other clusters that were not sent yet.
func (p *producer) dropAway(ctx context.Context) error {
	var errs []error
	for cluster, client := range p.away {
		if err := client.AbortBufferedRecords(ctx); err != nil {
			errs = append(errs, onCluster(cluster, fmt.Errorf("drop records that were not sent: %w", fromBroker(err))))
		}
	}
	return errors.Join(errs...)
}

func (p *producer) closeAway() {
	for _, client := range p.away {
		client.Close()
	}
}
