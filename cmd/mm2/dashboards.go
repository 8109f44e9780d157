package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mm2/grafana"
)

// dashboardsCommand is `mm2 dashboards`: what this version brings for Grafana
// and Prometheus.
type dashboardsCommand struct {
	dir   string
	force bool
}

func newDashboardsCommand() *cobra.Command {
	c := &dashboardsCommand{}
	cmd := &cobra.Command{
		Use:   "dashboards [FILE]",
		Short: "Print or write dashboards and alert rules",
		Long: `Dashboards lists the files that this version of mm2 brings: dashboards for
Grafana 10 or later, and alert rules for Prometheus. With the name of one it
prints that file, with --dir it writes all of them.`,
		Example: `  mm2 dashboards                              # what there is
  mm2 dashboards overview.json                # print one
  mm2 dashboards --dir /etc/mm2/grafana       # write all`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case c.dir != "" && len(args) > 0:
				return usage(errors.New("name a file to print or --dir to write all of them, not both"))
			case c.force && c.dir == "":
				return usage(errors.New("--force goes with --dir"))
			case c.dir != "":
				return c.write(cmd.OutOrStdout())
			case len(args) > 0:
				return printDashboard(cmd.OutOrStdout(), args[0])
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.Join(dashboardFiles(), "\n"))
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.dir, "dir", "", "write all files into this directory, which is made if need be")
	f.BoolVar(&c.force, "force", false, "overwrite files that are there and differ")
	return cmd
}

func dashboardFiles() []string {
	names, err := fs.Glob(grafana.Files(), "*")
	if err != nil {
		panic(err) // the pattern is fixed
	}
	return names
}

func printDashboard(out io.Writer, name string) error {
	text, err := fs.ReadFile(grafana.Files(), name)
	if err != nil {
		return usage(fmt.Errorf("there is no file %q; there are %s", name, strings.Join(dashboardFiles(), ", ")))
	}
	_, err = out.Write(text)
	return err
}

// write writes all files or, if one of them is there with other content, none.
func (c *dashboardsCommand) write(out io.Writer) error {
	var differ []string
	texts := map[string][]byte{}
	for _, name := range dashboardFiles() {
		text, err := fs.ReadFile(grafana.Files(), name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		texts[name] = text
		there, err := os.ReadFile(filepath.Join(c.dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("look whether the file differs: %w", err)
		case string(there) != string(text):
			differ = append(differ, filepath.Join(c.dir, name))
		}
	}
	if len(differ) > 0 && !c.force {
		return fmt.Errorf("%s: there with other content, nothing was written; --force overwrites", strings.Join(differ, ", "))
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	for _, name := range dashboardFiles() {
		file := filepath.Join(c.dir, name)
		if err := os.WriteFile(file, texts[name], 0o644); err != nil {
			return fmt.Errorf("write the file: %w", err)
		}
		fmt.Fprintln(out, file)
	}
	return nil
}
