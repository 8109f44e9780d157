package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/app"
	"mm2/internal/mm2test"
)

const stagesTOML = `
[clusters.A]
bootstrap = ["127.0.0.1:9093"]
[clusters.B]
bootstrap = ["127.0.0.1:9094"]
[service]
listen = "off"
[[topology]]
kind = "active-standby"
active = "A"
standby = "B"
topics = ["orders.*"]
lanes = 2
discovery_interval = "1s"

[[flows."A->B".streams]]
type = "Filter"
name = "no-tests"
field = "test"
equals = "true"
action = "drop"

[[flows."A->B".streams]]
type = "Route"
name = "by-region"
topics = ["orders"]
field = "region"
values = { eu = "eu" }

[[flows."A->B".streams]]
type = "Mask"
name = "no-mail"
fields = ["mail"]
`

// regional are orders: every third is a test, and of the others every other one
// is from the EU.
func regional(from, to int) (out []*kgo.Record) {
	for i := from; i < to; i++ {
		out = append(out, &kgo.Record{Topic: "orders", Partition: int32(i % 3), Value: fmt.Appendf(nil,
			`{"n":%d,"test":%t,"region":%q,"mail":"a@b.c"}`, i, i/3%3 == 0, []string{"us", "eu"}[i/3%2])})
	}
	return out
}

// judged is where a record of regional belongs, and as what.
func judged(records []*kgo.Record) (copies, routed []*kgo.Record) {
	for _, r := range records {
		text := strings.Replace(string(r.Value), `"a@b.c"`, `"***"`, 1)
		r := &kgo.Record{Partition: r.Partition, Value: []byte(text)}
		switch {
		case strings.Contains(text, `"test":true`):
		case strings.Contains(text, `"eu"`):
			routed = append(routed, r)
		default:
			copies = append(copies, r)
		}
	}
	return copies, routed
}

func wantOnB(t *testing.T, m *mesh, topic string, want []*kgo.Record) {
	t.Helper()
	if diff := cmp.Diff(mm2test.Values(want), mm2test.Values(m.b.Committed(t, topic))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", topic, diff)
	}
}

// Records are dropped, routed and masked exactly once, while workers lose their
// links in the middle of transactions and come back.
func TestStagesAreExactlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 3)
		cfg := load(t, stagesTOML)
		var links []*mm2test.Link
		var workers []*app.App
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range 2 {
			link := mm2test.NewLink(&m.net)
			a, err := app.New(cfg, app.Options{Logger: slog.New(slog.DiscardHandler), ClientOpts: []kgo.Opt{kgo.Dialer(link.DialContext)}})
			if err != nil {
				t.Fatal(err)
			}
			running.Go(func() {
				if err := a.Run(ctx); err != nil {
					t.Errorf("run: %v", err)
				}
			})
			links, workers = append(links, link), append(workers, a)
		}
		n := 0
		produce := func(k int) {
			m.a.Produce(t, regional(n, n+k)...)
			n += k
		}
		produce(90)
		time.Sleep(20 * time.Second)
		for i := range 6 {
			produce(300)
			links[i%2].Cut() // with records in flight
			produce(30)
			time.Sleep(time.Minute)
			links[i%2].Mend()
			produce(30)
			time.Sleep(time.Minute)
		}
		copies, routed := judged(regional(0, n))
		wantOnB(t, m, "A.orders", copies)
		wantOnB(t, m, "A.eu", routed)
		var dropped int64
		for _, w := range workers {
			for _, s := range w.Status().Flows[0].Stages {
				if s.In != s.Out+s.Dropped {
					t.Errorf("stage %+v: what came in did not go out", s)
				}
				dropped += s.Dropped
			}
		}
		if dropped == 0 {
			t.Error("no stage counts what it dropped")
		}
		cancel()
		running.Wait()
	})
}

// A group at any record, one that is dropped or routed too, is positioned at the
// next one that the copy has: never behind a record that it has not read, and not
// before one that it has.
func TestGroupsGoOnAtTheNextRecordThatWasKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 3)
		m.a.Produce(t, regional(0, 90)...) // 30 in each partition
		for at := range int64(30) {
			commitAt(t, m.a, fmt.Sprintf("group-%d", at), "orders", 3, at)
		}
		m.run(t, load(t, stagesTOML), 2*time.Minute)
		source, copies := m.a.Committed(t, "orders"), m.b.Committed(t, "A.orders")
		number := func(value string) int {
			var order struct{ N int }
			if json.Unmarshal([]byte(value), &order) != nil {
				return 1 << 30 // the end
			}
			return order.N
		}
		for at := range int64(30) {
			group := fmt.Sprintf("group-%d", at)
			there := positions(t, m.b, group, "A.orders")
			if len(there) != 3 {
				t.Errorf("%s has %d positions, want 3", group, len(there))
			}
			for p, position := range there {
				next := number(valueAt(source, p, at))
				want := 1 << 30
				for _, r := range copies {
					if n := number(string(r.Value)); r.Partition == p && n >= next && n < want {
						want = n
					}
				}
				if got := number(valueAt(copies, p, position)); got != want {
					t.Errorf("%s in partition %d reads %d next, and it is at %d on the source: want %d", group, p, got, next, want)
				}
			}
			if on := positions(t, m.b, group, "A.eu"); len(on) > 0 {
				t.Errorf("%s has positions in the topic that records are routed to: %v", group, on)
			}
		}
	})
}

// The topic that records are routed to is in the plan, is made with as many
// partitions, is grown, and then there is nothing left to do.
func TestRoutedTopicsAreInThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 3)
		m.b.Create(t, "A.eu", 1)
		cfg := load(t, stagesTOML)
		report, err := m.plan(t, cfg)
		if err != nil {
			t.Fatal(err)
		}
		want := "add partitions to topic A.eu: 1 to 3"
		if lines := planned(report.Flows[0]); !slices.Contains(lines, want) {
			t.Errorf("the plan lacks %q:\n%s", want, strings.Join(lines, "\n"))
		}
		m.run(t, cfg, time.Minute)
		if got := topicsOf(t, m.b)["A.eu"]; got != 3 {
			t.Errorf("A.eu has %d partitions, want 3", got)
		}
		if report, err = m.plan(t, cfg); err != nil || report.Changes() {
			t.Errorf("after a run there is something left to do: %v %v", planned(report.Flows[0]), err)
		}
	})
}

// A topic that is a copy is not where records are routed: its source topic is not
// copied, and plan and status say why.
func TestRecordsAreNotRoutedIntoACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		m.a.Create(t, "orders", 3)
		m.a.Create(t, "orders-eu", 3)
		m.a.Produce(t, regional(0, 9)...)
		cfg := load(t, strings.ReplaceAll(stagesTOML, `eu = "eu"`, `eu = "orders-eu"`))
		report, err := m.plan(t, cfg)
		if err != nil {
			t.Fatal(err)
		}
		const why = "cannot be routed to A.orders-eu: it is the copy of orders-eu"
		if text := asJSON(t, report.Flows[0].Problems); !strings.Contains(text, why) {
			t.Errorf("plan does not say why: %s", text)
		}
		status := m.run(t, cfg, time.Minute)
		if text := strings.Join(status.Flows[0].Problems, "\n"); !strings.Contains(text, why) {
			t.Errorf("status does not say why: %s", text)
		}
		wantOnB(t, m, "A.orders", nil)
	})
}

// A record that a stage cannot read is alone in what is done about it.
func TestARecordThatAStageCannotRead(t *testing.T) {
	for _, policy := range []string{"park", "skip"} {
		t.Run(policy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMesh(t)
				m.a.Create(t, "orders", 3)
				records := regional(0, 60)
				records[31].Value = []byte("no JSON") // partition 1, its tenth
				m.a.Produce(t, records...)
				status := m.run(t, load(t, strings.Replace(stagesTOML, "lanes = 2", "lanes = 2\non.record_refused = \""+policy+"\"", 1)), 2*time.Minute)
				kept := slices.DeleteFunc(records, func(r *kgo.Record) bool {
					return string(r.Value) == "no JSON" || policy == "park" && r.Partition == 1 && r.Offset >= 10
				})
				copies, routed := judged(kept)
				wantOnB(t, m, "A.orders", copies)
				wantOnB(t, m, "A.eu", routed)
				problems := strings.Join(status.Flows[0].Problems, "\n")
				if told := strings.Contains(problems, "stage no-tests cannot treat the record from orders partition 1 offset 10"); told != (policy == "park") {
					t.Errorf("problems: %s", problems)
				}
			})
		})
	}
}
