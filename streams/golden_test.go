package streams_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/streams"
	"mm2/streams/streamstest"
)

// What Kafka Streams 4.3.1 did with a topology in its own test driver.
type goldenFile struct {
	ApplicationID string       `json:"application_id"`
	Cases         []goldenCase `json:"cases"`
}

type goldenCase struct {
	ID       string              `json:"id"`
	Config   map[string]string   `json:"config"`
	Serdes   map[string][]string `json:"serdes"`
	Describe []string            `json:"describe"`
	Steps    []goldenStep        `json:"steps"`
	Stores   map[string][]struct {
		Key   any    `json:"key"`
		Value any    `json:"value"`
		At    *int64 `json:"ts"`
	} `json:"stores"`
}

type goldenStep struct {
	In       *goldenRecord    `json:"in"`
	Advance  *int64           `json:"advance_wall_clock_ms"`
	Out      []goldenRecord   `json:"out"`
	Internal []goldenInternal `json:"internal"`
	Error    string           `json:"error"`
}

type goldenRecord struct {
	Topic   string      `json:"topic"`
	Key     any         `json:"key"`
	Value   any         `json:"value"`
	At      int64       `json:"ts"`
	Headers [][2]string `json:"headers"`
}

type goldenInternal struct {
	Topic   string      `json:"topic"`
	Key     *string     `json:"key_hex"`
	Value   *string     `json:"value_hex"`
	At      *int64      `json:"ts"`
	Headers [][2]string `json:"headers_hex"`
}

// program is a topology of the golden files, written again in Go.
type program struct {
	build  func(b *streams.Builder)
	top    func(t *streams.TopologyBuilder) // in the place of build
	config func(c *streams.Config)
	// check looks at the stores at the end, which have types.
	check func(t *testing.T, d *streamstest.Driver, c goldenCase)
	// noInternal: what goes to internal topics is not compared, for this reason.
	noInternal string
	// noDescribe: the description differs, for this reason.
	noDescribe string
	// adjust changes what is expected, where the case's quirk says that a better
	// answer is right too.
	adjust func(c *goldenCase)
}

// programs are all that is written, by file and case; skipped are the cases that
// are not, with the reason.
var (
	programs = map[string]program{}
	skipped  = map[string]string{}
)

func register(file string, cases map[string]program) {
	for id, p := range cases {
		programs[file+"/"+id] = p
	}
}

func skip(name, why string) { skipped[name] = why }

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("golden files: %v, %v", files, err)
	}
	seen := map[string]bool{}
	for _, path := range files {
		file := strings.TrimSuffix(filepath.Base(path), ".json")
		if file == "16-partitioner" || file == "17-copartition" {
			continue // of another form; see their own tests
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var f goldenFile
		if err := json.Unmarshal(text, &f); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, c := range f.Cases {
			name := file + "/" + c.ID
			seen[name] = true
			t.Run(name, func(t *testing.T) {
				if why, ok := skipped[name]; ok {
					t.Skip(why)
				}
				p, ok := programs[name]
				if !ok {
					t.Fatal("this case is neither written nor skipped")
				}
				runGolden(t, f.ApplicationID, c, p)
			})
		}
	}
	for name := range programs {
		if !seen[name] {
			t.Errorf("%s is written and is in no file", name)
		}
	}
	for name := range skipped {
		if !seen[name] {
			t.Errorf("%s is skipped and is in no file", name)
		}
	}
}

func runGolden(t *testing.T, application string, c goldenCase, p program) {
	if p.adjust != nil {
		p.adjust(&c)
	}
	var top *streams.Topology
	var err error
	if p.top != nil {
		tb := streams.NewTopology()
		p.top(tb)
		top, err = tb.Build()
	} else {
		b := streams.NewBuilder()
		p.build(b)
		top, err = b.Build()
	}
	if err != nil {
		t.Fatal(err)
	}
	if p.noDescribe == "" {
		want := strings.Join(c.Describe, "\n")
		if diff := cmp.Diff(want+"\n", starred(top.Describe(), want)); diff != "" {
			t.Errorf("describe (-want +got):\n%s", diff)
		}
	}
	if len(c.Steps) == 0 {
		return
	}
	cfg := streams.Config{ApplicationID: application}
	if p.config != nil {
		p.config(&cfg)
	}
	d := streamstest.New(t, top, streamstest.WithConfig(cfg))
	for i, step := range c.Steps {
		switch {
		case step.In != nil:
			r := &kgo.Record{
				Topic: step.In.Topic, Timestamp: time.UnixMilli(step.In.At),
				Key: c.bytes(t, step.In.Topic, 0, step.In.Key), Value: c.bytes(t, step.In.Topic, 1, step.In.Value),
			}
			for _, h := range step.In.Headers {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
			}
			err = d.PipeRaw(r)
		case step.Advance != nil:
			err = d.TryAdvance(time.Duration(*step.Advance) * time.Millisecond)
		}
		if (err != nil) != (step.Error != "") {
			t.Fatalf("step %d: error %v, want %q", i, err, step.Error)
		}
		var out, internal []string
		for _, s := range d.Sent() {
			if s.Internal {
				internal = append(internal, sentInternal(s))
			} else {
				out = append(out, c.sent(t, s))
			}
		}
		var wantOut, wantInternal []string
		for _, r := range step.Out {
			wantOut = append(wantOut, r.String())
		}
		for _, r := range step.Internal {
			wantInternal = append(wantInternal, r.String())
		}
		// Between keys and between topics any order is right; the order of records
		// with the same key in the same topic is kept by a stable sort.
		if diff := cmp.Diff(byPlace(wantOut), byPlace(out)); diff != "" {
			t.Errorf("step %d, out (-want +got):\n%s", i, diff)
		}
		if p.noInternal == "" && step.Error == "" {
			if diff := cmp.Diff(byPlace(wantInternal), byPlace(internal)); diff != "" {
				t.Errorf("step %d, internal (-want +got):\n%s", i, diff)
			}
		}
	}
	if len(c.Stores) > 0 && p.check == nil {
		t.Error("the case has stores at the end, and the program does not check them")
	}
	if p.check != nil {
		p.check(t, d, c)
	}
}

// place is the topic and key of a line, which come first.
func place(line string) string {
	at, _, _ := strings.Cut(line, " = ")
	return at
}

func byPlace(lines []string) []string {
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(place(a), place(b)) })
	return lines
}

func (r goldenRecord) String() string {
	return fmt.Sprintf("%s %s = %s @%d %v", r.Topic, plain(r.Key), plain(r.Value), r.At, stars(r.Headers))
}

// stars blanks what cannot be the same in another language.
func stars(headers [][2]string) []string {
	var all []string
	for _, h := range headers {
		switch h[0] {
		case "__streams.errors.exception", "__streams.errors.message", "__streams.errors.stacktrace":
			h[1] = "*"
		}
		all = append(all, h[0]+":"+h[1])
	}
	return all
}

func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return "<null>"
	case float64:
		return strconv.FormatInt(int64(v), 10)
	case map[string]any:
		return fmt.Sprintf("%s[%s,%s]", plain(v["key"]), plain(v["start"]), plain(v["end"]))
	default:
		return fmt.Sprint(v)
	}
}

func (r goldenInternal) String() string {
	at := "none"
	if r.At != nil {
		at = strconv.FormatInt(*r.At, 10)
	}
	return fmt.Sprintf("%s %s = %s @%s %v", r.Topic, hexOrNull(r.Key), hexOrNull(r.Value), at, r.Headers)
}

func hexOrNull(s *string) string {
	if s == nil {
		return "<null>"
	}
	return *s
}

func sentInternal(s streamstest.Sent) string {
	h := func(b []byte) *string {
		if b == nil {
			return nil
		}
		text := hex.EncodeToString(b)
		return &text
	}
	var at *int64
	if ms := s.Time.UnixMilli(); ms >= 0 {
		at = &ms
	}
	var headers [][2]string
	for _, x := range s.Headers {
		headers = append(headers, [2]string{x.Key, hex.EncodeToString(x.Value)})
	}
	return goldenInternal{s.Topic, h(s.Key), h(s.Value), at, headers}.String()
}

func (c goldenCase) sent(t *testing.T, s streamstest.Sent) string {
	r := goldenRecord{Topic: s.Topic, At: s.Time.UnixMilli(), Key: c.value(t, s.Topic, 0, s.Key), Value: c.value(t, s.Topic, 1, s.Value)}
	for _, h := range s.Headers {
		r.Headers = append(r.Headers, [2]string{h.Key, string(h.Value)})
	}
	return r.String()
}

// serde is the serde of a topic's key (0) or value (1).
func (c goldenCase) serde(topic string, part int) string {
	if s, ok := c.Serdes[topic]; ok {
		return s[part]
	}
	return "string"
}

// bytes encodes a value of a golden file.
func (c goldenCase) bytes(t *testing.T, topic string, part int, v any) []byte {
	t.Helper()
	if v == nil {
		return nil
	}
	switch s := c.serde(topic, part); s {
	case "string":
		return []byte(v.(string))
	case "bytes":
		b, err := hex.DecodeString(v.(string))
		if err != nil {
			t.Fatal(err)
		}
		return b
	case "int64":
		return bigEndian(int64(v.(float64)))
	default:
		t.Fatalf("no encoder for the serde %q", s)
		return nil
	}
}

// value decodes what was sent to a form of the golden files.
func (c goldenCase) value(t *testing.T, topic string, part int, b []byte) any {
	t.Helper()
	if b == nil {
		return nil
	}
	s := c.serde(topic, part)
	name, rest, _ := strings.Cut(s, "(")
	switch name {
	case "string":
		return string(b)
	case "bytes":
		return hex.EncodeToString(b)
	case "int64":
		return float64(int64Of(b))
	case "time_windowed":
		_, size, _ := strings.Cut(strings.TrimSuffix(rest, ")"), ",")
		ms, err := strconv.ParseInt(strings.TrimSpace(size), 10, 64)
		if err != nil || len(b) < 8 {
			t.Fatalf("serde %q, key %x", s, b)
		}
		start := int64Of(b[len(b)-8:])
		return window(string(b[:len(b)-8]), start, start+ms)
	case "session_windowed":
		n := len(b) - 16
		return window(string(b[:n]), int64Of(b[n+8:]), int64Of(b[n:n+8]))
	default:
		t.Fatalf("no decoder for the serde %q", s)
		return nil
	}
}

func window(key string, start, end int64) map[string]any {
	return map[string]any{"key": key, "start": float64(start), "end": float64(end)}
}

func bigEndian(v int64) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(v >> (56 - 8*i))
	}
	return b
}

func int64Of(b []byte) (v int64) {
	for _, x := range b {
		v = v<<8 | int64(x)
	}
	return v
}

// starred replaces class names, which the golden text has as a star.
func starred(got, want string) string {
	if !strings.Contains(want, "extractor class: *") {
		return got
	}
	lines := strings.Split(got, "\n")
	for i, l := range lines {
		if at := strings.Index(l, "extractor class: "); at >= 0 {
			lines[i] = l[:at] + "extractor class: *)"
		}
	}
	return strings.Join(lines, "\n")
}
