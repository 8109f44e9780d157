package streamsgolden

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed testdata/*.json
var files embed.FS

// File is a file of vectors.
type File struct {
	ApplicationID string `json:"application_id"`
	Cases         []Case `json:"cases"`
}

// Case is what one topology did.
type Case struct {
	ID       string              `json:"id"`
	Serdes   map[string][]string `json:"serdes"` // topic: of key and value; string if it is not there
	Describe []string            `json:"describe"`
	Steps    []Step              `json:"steps"`
	Stores   map[string][]Row    `json:"stores"` // at the end
}

// Row is a row of a store.
type Row struct {
	Key   any    `json:"key"`
	Value any    `json:"value"`
	At    *int64 `json:"ts"`
}

// Step is one input, or a step of the wall clock, and what it led to.
type Step struct {
	In       *Record    `json:"in"`
	Advance  *int64     `json:"advance_wall_clock_ms"`
	Out      []Record   `json:"out"`
	Internal []Internal `json:"internal"`
	Error    string     `json:"error"` // the application fails at this step
}

// Record is a record of a user's topic.
type Record struct {
	Topic   string      `json:"topic"`
	Key     any         `json:"key"`
	Value   any         `json:"value"`
	At      int64       `json:"ts"` // ms
	Headers [][2]string `json:"headers"`
}

// Internal is a record of a changelog or repartition topic.
type Internal struct {
	Topic   string      `json:"topic"`
	Key     *string     `json:"key_hex"`
	Value   *string     `json:"value_hex"`
	At      *int64      `json:"ts"` // ms; nil if no time was given
	Headers [][2]string `json:"headers_hex"`
}

// Names are those of the files of vectors that [Load] reads, in order. Files of
// another form are left out.
func Names() ([]string, error) {
	entries, err := files.ReadDir("testdata")
	if err != nil {
		return nil, fmt.Errorf("list the golden files: %w", err)
	}
	var names []string
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".json")
		if name != "16-partitioner" && name != "17-copartition" {
			names = append(names, name)
		}
	}
	return names, nil
}

// Raw is the text of a file, by its name without the ending.
func Raw(name string) ([]byte, error) { return files.ReadFile("testdata/" + name + ".json") }

// Load reads a file of vectors by its name without the ending.
func Load(name string) (File, error) {
	var f File
	text, err := Raw(name)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return File{}, fmt.Errorf("golden file %s: %w", name, err)
	}
	return f, nil
}
