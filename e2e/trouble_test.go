package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/e2e"
)

// trouble is two clusters with topics to which things happen.
type trouble struct {
	a, b alias
}

func newTrouble(t *testing.T, name string) trouble {
	return trouble{a: alias{"tr_" + name, cluster(t, "a")}, b: alias{"trt_" + name, cluster(t, "b")}}
}

// config is the mesh with what to do about trouble, "kind = "policy", …".
func (x trouble) config(on string) string {
	return mesh(fmt.Sprintf(`
kind = "active-standby"
active = %q
standby = %q
topics = ["%s-.*"]
lanes = 2
discovery_interval = "1s"
heartbeats = { emit = false, seed = false }
config_sync = { configs = false } # else it would make the copies take what they refuse
on = { %s }`, x.a.name, x.b.name, x.a.name, on), x.a, x.b)
}

func (x trouble) topic(what string) string { return x.a.name + "-" + what }
func (x trouble) copy(what string) string  { return x.a.name + "." + x.topic(what) }

func values(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

func put(t *testing.T, c alias, topic string, values ...string) {
	t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte(v)})
	}
	if err := c.Client(t).ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatalf("produce to %s: %v", topic, err)
	}
}

// recreate leaves the topic with another topic id. A running worker makes a copy
// that it misses anew, so it may be the one who creates it.
func recreate(t *testing.T, c alias, topic string) {
	t.Helper()
	adm := c.Admin(t)
	before, err := adm.ListTopics(t.Context(), topic)
	if err != nil || before[topic].Err != nil {
		t.Fatalf("look at %s: %v %v", topic, err, before[topic].Err)
	}
	if resp, err := adm.DeleteTopics(t.Context(), topic); err != nil || resp.Error() != nil {
		t.Fatalf("delete %s: %v %v", topic, err, resp.Error())
	}
	e2e.Until(t, time.Minute, "create "+topic+" again", func(ctx context.Context) error {
		_, err := adm.CreateTopic(ctx, 1, -1, nil, topic)
		if !errors.Is(err, kerr.TopicAlreadyExists) {
			return err
		}
		after, err := adm.ListTopics(ctx, topic)
		if err == nil && after[topic].ID == before[topic].ID {
			err = kerr.TopicAlreadyExists
		}
		return err
	})
}

// shows waits until a reader of the topic sees exactly these values.
func (x trouble) shows(t *testing.T, topic string, want []string, alive *e2e.Worker) {
	t.Helper()
	e2e.Until(t, arrivesIn, "what "+topic+" shows", func(ctx context.Context) error {
		if err := alive.Alive(); err != nil {
			return err
		}
		got, err := committed(ctx, t, x.b, topic)
		if err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("%d records %.200q, want %d %.200q", len(got), strings.Join(got, " "), len(want), strings.Join(want, " "))
		}
		return nil
	})
}

// committed are the values of partition 0 of a topic.
func committed(ctx context.Context, t *testing.T, c alias, topic string) ([]string, error) {
	adm := c.Admin(t)
	starts, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	ends, err := adm.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	start, _ := starts.Lookup(topic, 0)
	end, ok := ends.Lookup(topic, 0)
	if !ok || end.Err != nil || start.Err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", topic, end.Err)
	}
	if start.Offset >= end.Offset {
		return nil, nil
	}
	cl := c.Client(t, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(start.Offset)}}))
	defer cl.Close()
	var out []string
	for next := start.Offset; next < end.Offset; {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			return nil, err
		}
		for _, r := range fs.Records() {
			if next = r.Offset + 1; !r.Attrs.IsControl() {
				out = append(out, string(r.Value))
			}
		}
	}
	return out, nil
}

// says waits until the worker's status says why a topic is parked.
func says(t *testing.T, w *e2e.Worker, topic string, want ...string) {
	t.Helper()
	e2e.Until(t, arrivesIn, topic+" is parked", func(ctx context.Context) error {
		var status struct {
			Flows []struct{ Problems []string }
		}
		if err := w.Status(ctx, &status); err != nil {
			return err
		}
		for _, f := range status.Flows {
			for _, p := range f.Problems {
				if strings.HasPrefix(p, topic+"-0 is parked") && !slices.ContainsFunc(want, func(s string) bool { return !strings.Contains(p, s) }) {
					return nil
				}
			}
		}
		return fmt.Errorf("problems %q, want %q", status.Flows, want)
	})
}

// counted waits until a series with these labels has a value.
func counted(t *testing.T, w *e2e.Worker, want float64, series string, labels ...string) {
	t.Helper()
	e2e.Until(t, arrivesIn, fmt.Sprintf("%s %v is %v", series, labels, want), func(ctx context.Context) error {
		metrics, err := w.Metrics(ctx)
		if err != nil {
			return err
		}
		for name, n := range metrics {
			if !strings.HasPrefix(name, series+"{") || slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(name, `"`+l+`"`) }) {
				continue
			}
			if n != want {
				return fmt.Errorf("%s is %v", name, n)
			}
			return nil
		}
		return fmt.Errorf("no such series among %d", len(metrics))
	})
}

// TestTrouble brings about what loses records, once while no worker runs and once
// under a running one, and wants each policy to do what docs/trouble.md says.
func TestTrouble(t *testing.T) {
	for _, policy := range []string{"halt", "skip", "restart"} {
		t.Run(policy, func(t *testing.T) {
			x := newTrouble(t, policy)
			config := x.config(fmt.Sprintf(
				`retention_overtook = %[1]q, source_truncated = %[1]q, source_recreated = %[1]q, target_recreated = %[1]q, target_written = %[1]q`, policy))
			kinds := []string{"overtaken", "recreated", "lost", "written"}
			for _, kind := range kinds {
				x.a.CreateTopic(t, x.topic(kind), 1)
				put(t, x.a, x.topic(kind), values(0, 10)...)
			}
			w := worker(t, "trouble-"+policy+"-before", config)
			for _, kind := range kinds {
				x.shows(t, x.copy(kind), values(0, 10), w)
			}
			w.Stop(t, stopsIn)

			// While no worker runs.
			put(t, x.a, x.topic("overtaken"), values(10, 30)...)
			gone := kadm.Offsets{}
			gone.Add(kadm.Offset{Topic: x.topic("overtaken"), At: 20})
			if resp, err := x.a.Admin(t).DeleteRecords(t.Context(), gone); err != nil || resp.Error() != nil {
				t.Fatal(err, resp.Error())
			}
			recreate(t, x.a, x.topic("recreated"))
			put(t, x.a, x.topic("recreated"), values(100, 120)...)
			recreate(t, x.b, x.copy("lost"))
			put(t, x.a, x.topic("lost"), values(10, 20)...)
			w = worker(t, "trouble-"+policy, config)
			// And under the worker that runs then.
			put(t, x.a, x.topic("written"), values(10, 20)...)
			x.shows(t, x.copy("written"), values(0, 20), w)
			put(t, x.b, x.copy("written"), "foreign", "foreign")
			put(t, x.a, x.topic("written"), values(20, 30)...)

			want := map[string]map[string][]string{
				"halt": {
					"overtaken": values(0, 10), "recreated": values(0, 10), "lost": nil,
					"written": slices.Concat(values(0, 20), []string{"foreign", "foreign"}, values(20, 30)),
				},
				"skip": {
					"overtaken": slices.Concat(values(0, 10), values(20, 30)), "recreated": slices.Concat(values(0, 10), values(100, 120)), "lost": values(10, 20),
					"written": slices.Concat(values(0, 20), []string{"foreign", "foreign"}, values(20, 30)),
				},
				"restart": {
					"overtaken": values(20, 30), "recreated": values(100, 120), "lost": values(0, 20), "written": values(0, 30),
				},
			}[policy]
			for _, kind := range kinds {
				if policy != "halt" || kind == "written" {
					x.shows(t, x.copy(kind), want[kind], w)
				}
			}
			for _, kind := range []string{"retention_overtook", "source_recreated", "target_recreated", "target_written"} {
				counted(t, w, 1, "mm2_trouble_total", kind, policy)
			}
			if policy == "halt" {
				says(t, w, x.topic("overtaken"), "offsets 10 to 19, up to 10 records")
				says(t, w, x.topic("recreated"), "deleted and created again on the source", "up to offset 10")
				says(t, w, x.topic("lost"), "deleted and created again on the target", "10 offsets that the source still has")
				says(t, w, x.topic("written"), "somebody else wrote 2 records")
				for _, kind := range kinds {
					x.shows(t, x.copy(kind), want[kind], w)
				}
				return
			}
			counted(t, w, 10, "mm2_lost_records_total", "retention_overtook")

			recreate(t, x.a, x.topic("recreated"))
			put(t, x.a, x.topic("recreated"), values(200, 230)...)
			recreate(t, x.b, x.copy("lost"))
			put(t, x.a, x.topic("lost"), values(20, 25)...)
			if policy == "skip" {
				x.shows(t, x.copy("recreated"), append(want["recreated"], values(200, 230)...), w)
				x.shows(t, x.copy("lost"), values(20, 25), w)
			} else {
				x.shows(t, x.copy("recreated"), values(200, 230), w)
				x.shows(t, x.copy("lost"), values(0, 25), w)
			}
			w.Stop(t, stopsIn)
		})
	}
}

// TestTroubleWithOneRecord has a record in the middle of a batch that a real
// broker refuses, for each reason there is, and wants that record and no other
// treated.
func TestTroubleWithOneRecord(t *testing.T) {
	const bad = 250
	for _, policy := range []string{"park", "dead-letter", "skip"} {
		t.Run(policy, func(t *testing.T) {
			x := newTrouble(t, "one_"+strings.ReplaceAll(policy, "-", "_"))
			spoilt := map[string]func(*kgo.Record){
				"compacted": func(r *kgo.Record) { r.Key = nil },
				"large":     func(r *kgo.Record) { r.Value = make([]byte, 300<<10) },
				"future":    func(r *kgo.Record) { r.Timestamp = time.Now().Add(30 * time.Minute) },
			}
			settings := map[string][]string{
				"compacted": {"cleanup.policy", "compact"},
				"large":     {"max.message.bytes", "100000"},
				"future":    {"message.timestamp.after.max.ms", "60000"},
			}
			want := map[string][]string{}
			for kind, spoil := range spoilt {
				x.a.CreateTopic(t, x.topic(kind), 1)
				x.b.CreateTopic(t, x.copy(kind), 1, settings[kind]...)
				var records []*kgo.Record
				for i := range 500 {
					r := &kgo.Record{Topic: x.topic(kind), Key: fmt.Append(nil, i), Value: fmt.Append(nil, i), Timestamp: time.Now()}
					if i == bad {
						spoil(r)
					} else if i < bad || policy != "park" {
						want[kind] = append(want[kind], string(r.Value))
					}
					records = append(records, r)
				}
				if err := x.a.Client(t, kgo.ProducerLinger(100*time.Millisecond)).ProduceSync(t.Context(), records...).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			w := worker(t, "trouble-one-"+policy, x.config(fmt.Sprintf(`record_refused = %q`, policy)))
			counted(t, w, 3, "mm2_trouble_total", "record_refused", policy)
			for kind := range spoilt {
				x.shows(t, x.copy(kind), want[kind], w)
				if policy == "park" {
					says(t, w, x.topic(kind), fmt.Sprintf("offset %d", bad))
				}
			}
			if policy == "dead-letter" {
				letters, err := committed(t.Context(), t, x.b, "mm2-dead-letter."+x.a.name+".internal")
				if err != nil || len(letters) != 3 {
					t.Errorf("%d dead letters, %v; want 3", len(letters), err)
				}
			}
			w.Stop(t, stopsIn)
		})
	}
}
