// Package playground runs an example from its first record to its last result.
//
// An example runs on an embedded cluster of its own unless it is given brokers.
// It makes its topics, writes a few records, runs the application until all
// results are there, prints them sorted, and ends.
package playground

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"

	"mm2/streams"
)

// Record is a record that an example writes before its application starts. The
// times of records rise in the order in which they stand.
type Record struct{ Topic, Key, Value string }

// Example is an application with what goes in and what comes out.
type Example struct {
	// Config is the application's. Brokers, the directory of state and the logger
	// are added.
	Config streams.Config
	// Topology makes the topology.
	Topology func() (*streams.Topology, error)
	// From is the alias of the cluster that Input is on, if that is another one than
	// the home of the Config.
	From string
	// Input is what is written. Its topics are created.
	Input []Record
	// Output is the topic of the results. It is created.
	Output string
	// Results is how many records Input gives on Output. The example ends with the
	// last one.
	Results int
	// Show makes text of a value of Output: see As.
	Show func(value []byte) (string, error)
	// Latest prints the last result of each key only.
	Latest bool
}

// Main runs an example with the arguments of the command, and ends the process:
// with 0 if all results came, 1 if not, and 2 if the arguments are wrong.
func Main(e Example) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := Command(ctx, e, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Command is Main that returns the exit code. It ends early when ctx does, with 1.
func Command(ctx context.Context, e Example, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(e.Config.ApplicationID, flag.ContinueOnError)
	flags.SetOutput(stderr)
	bootstrap := flags.String("bootstrap", "", "brokers as host:port,host:port; without any an embedded cluster is started")
	from := new(string)
	if e.From != "" {
		flags.StringVar(from, "from", "", "as bootstrap, of the cluster that has the input")
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "arguments %q: there are none beside -bootstrap\n", flags.Args())
		return 2
	}
	lines, err := e.onClusters(ctx, *bootstrap, *from, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "example %s: %v\n", e.Config.ApplicationID, err)
		return 1
	}
	for _, line := range lines {
		fmt.Fprintln(stdout, line)
	}
	return 0
}

// brokers are those that were given, or those of a new cluster, which ends with
// the second result.
func brokers(bootstrap string) ([]string, func(), error) {
	if bootstrap != "" {
		return strings.Split(bootstrap, ","), func() {}, nil
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		return nil, nil, fmt.Errorf("start an embedded cluster: %w", err)
	}
	return cluster.ListenAddrs(), cluster.Close, nil
}

func (e *Example) onClusters(ctx context.Context, bootstrap, from string, log io.Writer) ([]string, error) {
	c := e.Config
	home, end, err := brokers(bootstrap)
	if err != nil {
		return nil, err
	}
	defer end()
	c.BootstrapServers = home
	if e.From != "" {
		source, end, err := brokers(from)
		if err != nil {
			return nil, err
		}
		defer end()
		c.Clusters = map[string]streams.Cluster{e.From: {BootstrapServers: source}}
	}
	dir, err := os.MkdirTemp("", c.ApplicationID+"-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for state: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a directory of temporary files may stay
	c.StateDir = dir
	c.Logger = cmp.Or(c.Logger, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})))
	found, err := e.run(ctx, c)
	if err != nil {
		return nil, err
	}
	return e.lines(found), nil
}

// lines are the results as they are printed.
func (e *Example) lines(found []result) []string {
	if e.Latest {
		last := make(map[string]result)
		for _, r := range found { // those of one key are in the order of their partition
			last[r.key] = r
		}
		found = found[:0]
		for _, r := range last {
			found = append(found, r)
		}
	}
	lines := make([]string, 0, len(found))
	for _, r := range found {
		lines = append(lines, r.key+": "+r.value)
	}
	slices.Sort(lines)
	return lines
}
