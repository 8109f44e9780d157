package playground

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/serde"
)

// partitions is more than one, so that an example shows what it is like with many.
const partitions = 2

// result is a record of the output.
type result struct{ key, value string }

// run writes the input, runs the application and gives its results.
func (e *Example) run(ctx context.Context, c streams.Config) ([]result, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.BootstrapServers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return nil, fmt.Errorf("connect to %q: %w", c.BootstrapServers, err)
	}
	defer client.Close()
	source := client
	if e.From != "" {
		if source, err = kgo.NewClient(kgo.SeedBrokers(c.Clusters[e.From].BootstrapServers...)); err != nil {
			return nil, fmt.Errorf("connect to %q: %w", c.Clusters[e.From].BootstrapServers, err)
		}
		defer source.Close()
	}
	if err := e.prepare(ctx, client, source); err != nil {
		return nil, err
	}
	top, err := e.Topology()
	if err != nil {
		return nil, err
	}
	app, err := streams.New(top, c)
	if err != nil {
		return nil, err
	}

	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		defer stop() // nobody waits for results that do not come
		ended <- app.Run(running)
	}()
	found, err := e.results(running, client)
	stop()
	return found, errors.Join(<-ended, err)
}

// prepare creates the topics, has client read what is new in the output, and
// writes the input to source.
func (e *Example) prepare(ctx context.Context, client, source *kgo.Client) error {
	admin := kadm.NewClient(client)
	topics := map[string]*kgo.Client{e.Output: client}
	for _, r := range e.Input {
		topics[r.Topic] = source
	}
	for topic, at := range topics {
		if _, err := kadm.NewClient(at).CreateTopic(ctx, partitions, -1, nil, topic); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	ends, err := admin.ListEndOffsets(ctx, e.Output)
	if err := errors.Join(err, ends.Error()); err != nil {
		return fmt.Errorf("list the ends of %s: %w", e.Output, err)
	}
	client.AddConsumePartitions(ends.KOffsets())

	start := time.Now().Add(-time.Duration(len(e.Input)) * time.Millisecond)
	var records []*kgo.Record
	for i, r := range e.Input {
		records = append(records, &kgo.Record{
			Topic: r.Topic, Key: []byte(r.Key), Value: []byte(r.Value), Timestamp: start.Add(time.Duration(i) * time.Millisecond),
		})
	}
	if err := source.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("write the input: %w", err)
	}
	return nil
}

// results reads the output until all of it is there.
func (e *Example) results(ctx context.Context, client *kgo.Client) ([]result, error) {
	var found []result
	for len(found) < e.Results {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read %s, after %d of %d results: %w", e.Output, len(found), e.Results, err)
		}
		for _, r := range fetches.Records() {
			value, err := e.Show(r.Value)
			if err != nil {
				return nil, fmt.Errorf("value at offset %d of %s-%d: %w", r.Offset, r.Topic, r.Partition, err)
			}
			found = append(found, result{string(r.Key), value})
		}
	}
	return found, nil
}

// As is the text of a value that has the built-in serde of V.
func As[V any](value []byte) (string, error) {
	s, ok := serde.Find[V](&serde.Registry{})
	if !ok {
		return "", fmt.Errorf("no serde is built in for %v", reflect.TypeFor[V]())
	}
	v, err := s.Decode(value)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(v), nil
}
