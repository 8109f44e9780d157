package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"mm2/internal/config"
)

// importCommand is `mm2 import`: Java's file as TOML.
type importCommand struct {
	output string
	force  bool
}

func newImportCommand() *cobra.Command {
	c := &importCommand{}
	cmd := &cobra.Command{
		Use:   "import FILE.properties",
		Short: "Print a connect-mirror-maker.properties as TOML",
		Long: `Import reads a file of Java MirrorMaker 2 and prints TOML of the same meaning:
what differs from mm2's defaults, with a remark on each key that has no effect
or another one. Secrets are not printed: they become ${env:...}, and the file
says which to set; placeholders of the old file stay placeholders.

It connects to nothing. A bad file prints everything that is wrong with it and
exits 2. mm2 runs the .properties file itself just as well.`,
		Example: `  mm2 import connect-mirror-maker.properties
  mm2 import connect-mirror-maker.properties -o mesh.toml && mm2 plan --offline -c mesh.toml`,
		Args: exactlyOne("one .properties file"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.OutOrStdout(), args[0]) },
	}
	f := cmd.Flags()
	f.StringVarP(&c.output, "output", "o", "", "write to this file, which must not exist yet")
	f.BoolVar(&c.force, "force", false, "write over a file that exists")
	return cmd
}

func (c *importCommand) run(out io.Writer, file string) error {
	toml, err := config.Import(file)
	if err != nil {
		return usage(err)
	}
	if c.output == "" {
		_, err := out.Write(toml)
		return err
	}
	return c.write(toml)
}

// write never leaves half a file in the place of a good one: what exists is
// written over only on demand, and in one step.
func (c *importCommand) write(toml []byte) error {
	if c.force {
		return replaceFile(c.output, toml)
	}
	f, err := os.OpenFile(c.output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usage(fmt.Errorf("%s exists: choose another name, or add --force to write over it", c.output))
	}
	if err != nil {
		return fmt.Errorf("write what was imported: %w", err)
	}
	_, err = f.Write(toml)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write what was imported: %w", err)
	}
	return nil
}

func replaceFile(name string, data []byte) error {
	next := name + ".new"
	if err := os.WriteFile(next, data, 0o644); err != nil {
		return fmt.Errorf("write what was imported: %w", err)
	}
	if err := os.Rename(next, name); err != nil {
		return errors.Join(fmt.Errorf("write what was imported: %w", err), os.Remove(next))
	}
	return nil
}
