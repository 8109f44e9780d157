// Command streamspeer runs one of a few topologies until SIGTERM. Its twin is
// ../java/Streams.java, with the same topologies by the same names, for Kafka
// Streams itself.
//
//	usage: streamspeer TOPOLOGY INPUT TABLE OUTPUT NAME=VALUE...
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"mm2/streams"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "streamspeer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 4 {
		return fmt.Errorf("got %d arguments, want a topology, three topics and settings", len(args))
	}
	b := streams.NewBuilder()
	if err := build(b, args[0], args[1], args[2], args[3]); err != nil {
		return err
	}
	topology, err := b.Build()
	if err != nil {
		return err
	}
	settings := make(map[string]string)
	for _, setting := range args[4:] {
		name, value, ok := strings.Cut(setting, "=")
		if !ok {
			return fmt.Errorf("setting %q has no value: want NAME=VALUE", setting)
		}
		settings[name] = value
	}
	config, err := streams.ParseConfig(settings)
	if err != nil {
		return err
	}
	app, err := streams.New(topology, config)
	if err != nil {
		return err
	}
	return app.Run(ctx)
}

func build(b *streams.Builder, topology, input, table, output string) error {
	in := streams.Stream[string, string](b, input)
	windows := func() *streams.WindowedGrouped[string, string] {
		return streams.WindowedBy(in.GroupByKey(), streams.Tumbling(time.Minute).WithGrace(30*time.Second))
	}
	switch topology {
	case "filter":
		in.Filter(func(_, v string) bool { return len(v) > 5 }).To(output)
	case "count":
		in.GroupByKey().Count(streams.Store("counts")).ToStream().To(output)
	case "rekeyed-count":
		streams.GroupBy(in, func(_, v string) string { return v }).Count(streams.Store("counts")).ToStream().To(output)
	case "windowed-count":
		windows().Count(streams.Store("windows")).ToStream().To(output)
	case "final-windows":
		windows().Count(streams.Store("windows"), streams.EmitOnClose()).ToStream().To(output)
	case "table-join":
		rows := streams.Table[string, string](b, table, streams.Store("rows"))
		streams.JoinTable(in, rows, func(l, r string) string { return l + r }).To(output)
	default:
		return fmt.Errorf("no topology %q", topology)
	}
	return nil
}
