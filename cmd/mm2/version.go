package main

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"mm2/internal/version"
)

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, _ := debug.ReadBuildInfo()
			return printVersion(cmd.OutOrStdout(), version.Release(), info)
		},
	}
}

// printVersion prefers the version of the release over that of the module, and
// names the commit where the build knows it.
func printVersion(out io.Writer, version string, info *debug.BuildInfo) error {
	platform, commit := "", ""
	if info != nil {
		settings := make(map[string]string)
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if version == "" {
			version = info.Main.Version
		}
		platform = " " + info.GoVersion
		if settings["GOOS"] != "" {
			platform += " " + settings["GOOS"] + "/" + settings["GOARCH"]
		}
		commit = settings["vcs.revision"]
	}
	if version == "" || version == "(devel)" {
		version = "development"
	}
	if commit != "" {
		commit = " " + commit[:min(12, len(commit))]
	}
	_, err := fmt.Fprintf(out, "mm2 %s%s%s\n", version, commit, platform)
	return err
}
