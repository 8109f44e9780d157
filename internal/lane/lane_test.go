package lane_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/backoff"
	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/internal/lane"
	"mm2/internal/mm2test"
	"mm2/internal/pipeline"
)

const topic = "mm2-lanes.A.internal"

// bench is a target cluster with a lanes topic of three partitions.
type bench struct {
	net kfake.VirtualNetwork
	b   *mm2test.Cluster
}

func newBench(t *testing.T) *bench {
	x := &bench{}
	x.b = mm2test.NewCluster(t, &x.net, 9094, "cluster-b")
	x.b.Create(t, topic, 3)
	return x
}

// member is one worker's group; it runs until stop or the end of the test.
type member struct {
	*lane.Group
	link   *mm2test.Link
	dialer *kafka.Dialer
	stop   func()
}

func (x *bench) member(t *testing.T, worker, group string, work func(*member) lane.Work) *member {
	t.Helper()
	m := &member{link: mm2test.NewLink(&x.net)}
	var err error
	if m.dialer, err = kafka.NewDialer("B", connection.Connection{Bootstrap: x.b.Addrs}, nil, kgo.Dialer(m.link.DialContext)); err != nil {
		t.Fatal(err)
	}
	m.Group = lane.New(lane.Config{
		Dialer: m.dialer, Flow: "A->B", Group: group, Topic: topic, SessionTimeout: 10 * time.Second, Worker: worker,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)).With("worker", worker),
	}, work(m))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	m.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("worker %s: %v", worker, err)
		}
	})
	t.Cleanup(m.stop)
	return m
}

// journal notes the begin and end of work, with the cause of the end.
type journal struct {
	mu    sync.Mutex
	lines []string
	busy  map[lane.ID]string
	twice []string
}

func (j *journal) work(worker string) func(*member) lane.Work {
	return func(*member) lane.Work {
		return func(ctx context.Context, l *lane.Lease) error {
			j.mu.Lock()
			if j.busy == nil {
				j.busy = map[lane.ID]string{}
			}
			if other := j.busy[l.ID]; other != "" {
				j.twice = append(j.twice, other+" and "+worker)
			}
			j.busy[l.ID] = worker
			j.mu.Unlock()
			if err := l.Claimed(""); err != nil {
				return err
			}
			<-ctx.Done()
			j.mu.Lock()
			defer j.mu.Unlock()
			delete(j.busy, l.ID)
			j.lines = append(j.lines, worker+": "+context.Cause(ctx).Error())
			return nil
		}
	}
}

func owned(m *member) int { return len(m.Status()) }

func TestLanesAreSharedAndHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, j := newBench(t), &journal{}
		one := x.member(t, "one", "mm2-A->B", j.work("one"))
		time.Sleep(10 * time.Second)
		if owned(one) != 3 || !one.Joined() {
			t.Fatalf("a lone worker has %d lanes, joined %v; want 3, true", owned(one), one.Joined())
		}
		two := x.member(t, "two", "mm2-A->B", j.work("two"))
		time.Sleep(30 * time.Second)
		if owned(one)+owned(two) != 3 || owned(two) == 0 {
			t.Errorf("lanes are shared %d to %d", owned(one), owned(two))
		}
		one.stop()
		time.Sleep(30 * time.Second)
		if owned(two) != 3 {
			t.Errorf("after a planned stop the other has %d lanes, want 3", owned(two))
		}
		if len(j.twice) > 0 {
			t.Errorf("lanes with two owners in a planned hand-over: %v", j.twice)
		}
		for _, l := range j.lines {
			if !strings.HasSuffix(l, lane.ErrRevoked.Error()) && !strings.HasSuffix(l, lane.ErrStopped.Error()) {
				t.Errorf("unexpected end: %s", l)
			}
		}
	})
}

func TestLostSessionEndsTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, j := newBench(t), &journal{}
		one := x.member(t, "one", "mm2-A->B", j.work("one"))
		time.Sleep(10 * time.Second)
		one.link.Cut()
		two := x.member(t, "two", "mm2-A->B", j.work("two"))
		time.Sleep(time.Minute)
		if owned(two) != 3 {
			t.Errorf("the survivor has %d lanes, want 3", owned(two))
		}
		one.link.Mend()
		time.Sleep(time.Minute)
		if owned(one) == 0 || owned(one)+owned(two) != 3 {
			t.Errorf("after the return lanes are shared %d to %d", owned(one), owned(two))
		}
		if diff := cmp.Diff([]string{"one: " + lane.ErrLost.Error(), "one: " + lane.ErrLost.Error(), "one: " + lane.ErrLost.Error()}, j.lines[:min(3, len(j.lines))]); diff != "" {
			t.Errorf("how the lost lanes ended (-want +got):\n%s", diff)
		}
	})
}

func TestFailedWorkIsTriedAgainAndFatalWorkIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newBench(t)
		var mu sync.Mutex
		tries := map[lane.ID]int{}
		one := x.member(t, "one", "mm2-A->B", func(*member) lane.Work {
			return func(ctx context.Context, l *lane.Lease) error {
				mu.Lock()
				tries[l.ID]++
				n := tries[l.ID]
				mu.Unlock()
				switch {
				case l.ID == 0:
					return &pipeline.FatalError{Err: errors.New("no right"), Remedy: "grant it"}
				case l.ID == 1 && n < 4:
					return errors.New("broker away")
				}
				if err := l.Claimed(""); err != nil {
					return err
				}
				<-ctx.Done()
				return nil
			}
		})
		time.Sleep(30 * time.Second)
		mu.Lock()
		if tries[0] != 1 || tries[1] != 4 || tries[2] != 1 {
			t.Errorf("tries by lane %v, want 1, 4, 1", tries)
		}
		mu.Unlock()
		want := map[lane.ID]lane.State{0: lane.Parked, 1: lane.Running, 2: lane.Running}
		for _, s := range one.Status() {
			if s.State != want[s.ID] {
				t.Errorf("lane %d is %s, want %s", s.ID, s.State, want[s.ID])
			}
			if s.ID == 0 && s.Err != "no right; grant it" {
				t.Errorf("lane 0 says %q", s.Err)
			}
		}
	})
}

// Two groups on one lanes topic are two owners for every lane. They fence each
// other; that must end in a parked lane that names the other, not in a loop.
func TestTwoOwnersAreAnAssignmentError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newBench(t)
		adm := kadm.NewClient(x.b.Client(t))
		copying := func(worker string) func(*member) lane.Work {
			return func(m *member) lane.Work {
				return func(ctx context.Context, l *lane.Lease) error {
					sink, err := kafka.NewTxnSink(kafka.SinkConfig{
						Dialer: m.dialer, Role: worker, Admin: adm, TransactionalID: "mm2-A-B-" + string(rune('0'+l.ID)), Timeout: 8 * time.Second,
						Marks: kafka.MarkTopic{Topic: topic, Partition: int32(l.ID)}, Worker: worker,
						Partitions: func() []pipeline.Partition { return nil }, Logger: slog.New(slog.DiscardHandler),
					})
					if err != nil {
						return err
					}
					defer sink.Close()
					if _, err := sink.Open(ctx); err != nil {
						return err
					}
					if err := l.Claimed(sink.Previous().Worker); err != nil {
						return err
					}
					for backoff.Sleep(ctx, 100*time.Millisecond) {
						if _, err := sink.Commit(ctx, pipeline.Marks{"t/0": "1"}); err != nil {
							return err
						}
					}
					return nil
				}
			}
		}
		one := x.member(t, "one", "mm2-A->B", copying("one"))
		two := x.member(t, "two", "another", copying("two"))
		time.Sleep(50 * time.Second)
		parked := 0
		for _, m := range []*member{one, two} {
			for _, s := range m.Status() {
				if s.State == lane.Parked {
					parked++
					if !strings.Contains(s.Err, "two workers hold this lane") {
						t.Errorf("parked lane says %q", s.Err)
					}
				}
				if s.Fences > 10 {
					t.Errorf("lane %d was fenced %d times: a loop", s.ID, s.Fences)
				}
			}
		}
		if parked == 0 {
			t.Error("no lane is parked")
		}
	})
}
