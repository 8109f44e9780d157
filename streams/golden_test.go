package streams_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/streamsgolden"
	"mm2/streams"
	"mm2/streams/streamstest"
)

func TestGolden(t *testing.T) {
	names, err := streamsgolden.Names()
	if err != nil || len(names) == 0 {
		t.Fatalf("golden files: %v, %v", names, err)
	}
	programs, skipped := streamsgolden.Programs()
	seen := map[string]bool{}
	for _, file := range names {
		f, err := streamsgolden.Load(file)
		if err != nil {
			t.Fatal(err)
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

func runGolden(t *testing.T, application string, c streamsgolden.Case, p streamsgolden.Program) {
	if p.Adjust != nil {
		p.Adjust(&c)
	}
	top, err := p.Topology()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join(c.Describe, "\n")
	if diff := cmp.Diff(want+"\n", starred(top.Describe(), want)); diff != "" {
		t.Errorf("describe (-want +got):\n%s", diff)
	}
	if len(c.Steps) == 0 {
		return
	}
	cfg := streams.Config{ApplicationID: application}
	if p.Config != nil {
		p.Config(&cfg)
	}
	d := streamstest.New(t, top, streamstest.WithConfig(cfg))
	for i, step := range c.Steps {
		switch {
		case step.In != nil:
			err = d.PipeRaw(c.Input(t, step.In))
		case step.Advance != nil:
			err = d.TryAdvance(time.Duration(*step.Advance) * time.Millisecond)
		}
		if (err != nil) != (step.Error != "") {
			t.Fatalf("step %d: error %v, want %q", i, err, step.Error)
		}
		var out, internal []string
		for _, s := range d.Sent() {
			r := &kgo.Record{Topic: s.Topic, Key: s.Key, Value: s.Value, Timestamp: s.Time, Headers: s.Headers}
			if s.Internal {
				internal = append(internal, streamsgolden.InternalLine(r))
			} else {
				out = append(out, c.Line(t, r))
			}
		}
		var wantOut, wantInternal []string
		for _, r := range step.Out {
			wantOut = append(wantOut, r.String())
		}
		for _, r := range step.Internal {
			wantInternal = append(wantInternal, r.String())
		}
		if diff := cmp.Diff(streamsgolden.ByPlace(wantOut), streamsgolden.ByPlace(out)); diff != "" {
			t.Errorf("step %d, out (-want +got):\n%s", i, diff)
		}
		if p.NoInternal == "" && step.Error == "" {
			if diff := cmp.Diff(streamsgolden.ByPlace(wantInternal), streamsgolden.ByPlace(internal)); diff != "" {
				t.Errorf("step %d, internal (-want +got):\n%s", i, diff)
			}
		}
	}
	if len(c.Stores) > 0 && p.Check == nil {
		t.Error("the case has stores at the end, and the program does not check them")
	}
	if p.Check != nil {
		p.Check(t, d, c)
	}
}

// starred replaces class names, which the golden text has as a star.
func starred(got, want string) string {
	if !strings.Contains(want, "extractor class: *") {
		return got
	}
	lines := strings.Split(got, "\n")
	for i, l := range lines {
		if before, _, ok := strings.Cut(l, "extractor class: "); ok {
			lines[i] = before + "extractor class: *)"
		}
	}
	return strings.Join(lines, "\n")
}

// Where Kafka Streams loses what is closed by a jump in time, ours gives it.
func TestGoldenJump(t *testing.T) {
	f, err := streamsgolden.Load("08-time-windows")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.Cases, func(c streamsgolden.Case) bool { return c.ID == "emit-on-window-close-jump" })
	if i < 0 {
		t.Fatal("the case is not in the file")
	}
	c := f.Cases[i]
	last := &c.Steps[len(c.Steps)-1]
	if len(last.Out) != 0 {
		t.Fatalf("the case has results at the jump: %v", last.Out)
	}
	last.Out = []streamsgolden.Record{
		{Topic: "output", Key: streamsgolden.Window("a", 10, 20), Value: 1.0, At: 11},
		{Topic: "output", Key: streamsgolden.Window("c", 20, 30), Value: 1.0, At: 21},
	}
	runGolden(t, f.ApplicationID, c, streamsgolden.NewProgram(streamsgolden.CountOnClose))
}
