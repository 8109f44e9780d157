package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mm2/internal/properties"
)

// Option changes where [Load] looks. Tests use them.
type Option func(*source)

// WithEnv replaces the environment for ${env:NAME}.
func WithEnv(lookup func(name string) (string, bool)) Option {
	return func(s *source) { s.lookup = lookup }
}

// WithReadFile replaces the file system, for the file itself and for ${file:…}.
func WithReadFile(read func(path string) ([]byte, error)) Option {
	return func(s *source) { s.readFile = read }
}

// Load reads, completes and checks a mesh. The extension of path says what it
// is: .toml is mm2's own format, .properties is Java's
// connect-mirror-maker.properties. A bad file gives an [*Error] with
// everything that is wrong with it; what is accepted but worth a look is in
// Warnings. Stores of keys and certificates are not opened.
func Load(path string, opts ...Option) (*Config, error) {
	s := &source{file: path, lookup: os.LookupEnv, readFile: os.ReadFile}
	for _, opt := range opts {
		opt(s)
	}
	return s.load()
}

func (s *source) load() (*Config, error) {
	read, err := format(s.file)
	if err != nil {
		return nil, s.fileError(err)
	}
	data, err := s.readFile(s.file)
	if err != nil {
		return nil, s.fileError(properties.Readable(err))
	}
	c := read(s, data)
	if len(s.problems) > 0 {
		return nil, &Error{Problems: properties.Tidy(s.problems)}
	}
	c.File = s.file
	c.Warnings = properties.Tidy(s.warnings)
	return c, nil
}

func format(path string) (func(*source, []byte) *Config, error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".toml":
		return readTOML, nil
	case ".properties":
		return readJava, nil
	default:
		return nil, fmt.Errorf("the extension %q says nothing about the format: want .toml or .properties", ext)
	}
}

func (s *source) fileError(err error) error {
	return &Error{Problems: []Problem{{File: s.file, Rule: err.Error()}}}
}
