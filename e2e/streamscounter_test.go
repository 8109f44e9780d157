package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"mm2/streams"
)

// envCounter makes the test binary a worker that counts. Its value is a
// counterJob in JSON.
const envCounter = "MM2_E2E_COUNTER"

// counterJob says what a counting worker does: it counts the records of Input by
// their values and writes each count to Output, exactly once.
type counterJob struct {
	App, StateDir, Input, Output string
	Bootstrap                    []string
	Threads                      int
	Settings                     map[string]string // by their names in Kafka, on top
}

// counterStore is the table of counts.
const counterStore = "counts"

// topology counts behind a repartition topic. seen is called for each record that
// a task takes, before and behind that topic.
func (j *counterJob) topology(seen func()) (*streams.Topology, error) {
	b := streams.NewBuilder()
	in := streams.Stream[string, string](b, j.Input).Peek(func(streams.Record[string, string]) { seen() })
	streams.GroupBy(in, func(_, value string) string { return value }).
		Count(streams.Store(counterStore)).ToStream().
		Peek(func(streams.Record[string, int64]) { seen() }).
		To(j.Output)
	return b.Build()
}

// config has short waits: members and transactions that died are missed soon.
// Records are sent at once, so that a kill leaves some that are not committed.
func (j *counterJob) config() (streams.Config, error) {
	settings := map[string]string{
		"application.id":         j.App,
		"bootstrap.servers":      strings.Join(j.Bootstrap, ","),
		"processing.guarantee":   "exactly_once_v2",
		"num.stream.threads":     strconv.Itoa(j.Threads),
		"state.dir":              j.StateDir,
		"session.timeout.ms":     "3000",
		"heartbeat.interval.ms":  "300",
		"transaction.timeout.ms": "5000",
		"linger.ms":              "0",
	}
	maps.Copy(settings, j.Settings)
	c, err := streams.ParseConfig(settings)
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	return c, err
}

// counter is the main function of such a worker.
func counter() (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := countWords(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func countWords(ctx context.Context) error {
	var job counterJob
	if err := json.Unmarshal([]byte(os.Getenv(envCounter)), &job); err != nil {
		return fmt.Errorf("%s: %w", envCounter, err)
	}
	var n atomic.Int64
	topology, err := job.topology(func() {
		if n := n.Add(1); n%takenEvery == 0 {
			tell(counterEvent{Taken: n})
		}
	})
	if err != nil {
		return err
	}
	c, err := job.config()
	if err != nil {
		return err
	}
	c.StateListener = func(_, to streams.State) { tell(counterEvent{State: to.String()}) }
	c.RestoreListener.Start = func(r streams.Restore) { tell(counterEvent{Restore: &r}) }
	app, err := streams.New(topology, c)
	if err != nil {
		return err
	}
	return app.Run(ctx)
}

// counterEvent is what a worker prints, one a line; one of its fields is set.
type counterEvent struct {
	State   string           `json:",omitempty"` // the new state of the application
	Restore *streams.Restore `json:",omitempty"` // where the restore of a changelog begins
	Taken   int64            `json:",omitempty"` // records that tasks of the process took
}

const (
	eventMark  = "event: "
	takenEvery = 100 // records
)

func tell(e counterEvent) {
	if text, err := json.Marshal(e); err == nil {
		fmt.Println(eventMark + string(text))
	}
}

// counterEvents are the events in the output of a worker. A line that is being
// written, or that a kill cut off, is left out.
func counterEvents(output string) (all []counterEvent) {
	for line := range strings.Lines(output) {
		var e counterEvent
		text, found := strings.CutPrefix(strings.TrimRight(line, "\n"), eventMark)
		if found && json.Unmarshal([]byte(text), &e) == nil {
			all = append(all, e)
		}
	}
	return all
}
