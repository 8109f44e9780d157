// Command mm2 copies topics between Kafka clusters, exactly once.
//
// This package is flags, signals, exit codes and printing; the work is done by
// internal/app and internal/config.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"mm2/internal/app"
)

// The exit codes are stable: scripts may rely on them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong flags, or a bad file
	exitChange = 2 // of a live plan: something would change
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program but for the process: tests call it. Commands that
// run for long handle signals themselves, since what a second one means
// differs.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(append([]string{}, args...)) // cobra takes nil for the arguments of the process
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	started := noteStart(root)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errWouldChange):
		return exitChange
	case !*started:
		err = notStarted(cmd, err)
	}
	fmt.Fprintln(stderr, err)
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

// noteStart tells whether a command began to run: what fails before that is
// about arguments and flags, for which cobra has no type of error.
func noteStart(root *cobra.Command) *bool {
	started := new(bool)
	var note func(cmd *cobra.Command)
	note = func(cmd *cobra.Command) {
		runE := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true
			return runE(cmd, args)
		}
		for _, sub := range cmd.Commands() {
			note(sub)
		}
	}
	note(root)
	return started
}

// notStarted is an error about arguments and flags. Of a live plan it is a
// failure like any other: there, 2 means that something would change.
func notStarted(cmd *cobra.Command, err error) error {
	err = fmt.Errorf("%w\nsee %s --help", err, cmd.CommandPath())
	if offline := cmd.Flags().Lookup("offline"); offline != nil && offline.Value.String() == "false" {
		return err
	}
	return usage(err)
}

// exactlyOne wants one argument and says which.
func exactlyOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("want %s, got %d arguments", what, len(args))
		}
		return nil
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "mm2",
		Short: "Copy topics between Kafka clusters, exactly once",
		Long: `mm2 copies topics between any two Kafka clusters, exactly once, with nothing but
the two clusters. It reads its own TOML and the connect-mirror-maker.properties
of Java MirrorMaker 2.

Exit codes: 0 done, 1 failed, 2 wrong usage or a bad file. Of plan without
--offline: 0 nothing would change, 2 something would change, 1 any failure,
wrong usage and bad files included.`,
		Example: `  mm2 demo                              # see it work, without any Kafka
  mm2 plan -c mesh.toml                 # what running the file would change
  mm2 run -c mesh.toml                  # until SIGTERM
  mm2 import connect-mirror-maker.properties -o mesh.toml`,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(newPlanCommand(), newImportCommand(), newExplainCommand(), newRunCommand(), newDemoCommand(),
		newOffsetsCommand(app.LiveMaps{Logger: slog.New(slog.DiscardHandler)}), newDashboardsCommand(), newVersionCommand())
	return root
}

// usageError is an error of the person at the keyboard: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usage marks an error as one of flags or of the file.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}
