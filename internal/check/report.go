package check

import (
	"errors"
	"fmt"
	"strings"
)

// Report is the comparison of a [View] with its [Log].
type Report struct {
	Acked   int `json:"acked"`   // records that must arrive
	Maybe   int `json:"maybe"`   // records that may arrive: their outcome is unknown
	Aborted int `json:"aborted"` // records that must not arrive

	Delivered int `json:"delivered"` // different records that arrived, of Acked and Maybe
	Read      int `json:"read"`      // everything the reader got

	Lost           Finding `json:"lost"`            // acknowledged and not seen
	Duplicated     Finding `json:"duplicated"`      // deliveries after the first
	Reordered      Finding `json:"reordered"`       // records outside the longest run that kept its order
	Altered        Finding `json:"altered"`         // key, value, headers, timestamp, partition or topic differ
	AbortedVisible Finding `json:"aborted_visible"` // seen although the transaction was aborted
	Unexpected     Finding `json:"unexpected"`      // seen and never produced
}

// Finding counts one kind of damage and shows the first cases.
type Finding struct {
	Count    int      `json:"count"`
	Examples []string `json:"examples,omitempty"` // at most [MaxExamples]
}

// MaxExamples is how many cases of each kind a report shows.
const MaxExamples = 5

// OK tells that nothing is wrong.
func (r Report) OK() bool {
	for _, f := range r.named() {
		if f.Count > 0 {
			return false
		}
	}
	return true
}

// String is a summary in one line.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "produced %d", r.Acked)
	if r.Maybe > 0 {
		fmt.Fprintf(&b, " (and %d with unknown outcome)", r.Maybe)
	}
	if r.Aborted > 0 {
		fmt.Fprintf(&b, " (and %d in aborted transactions)", r.Aborted)
	}
	fmt.Fprintf(&b, ", delivered %d", r.Delivered)
	for _, f := range r.named() {
		fmt.Fprintf(&b, ", %s %d", f.name, f.Count)
	}
	return b.String()
}

// Err is nil if nothing is wrong; otherwise it says what is, with examples.
func (r Report) Err() error {
	if r.OK() {
		return nil
	}
	return errors.New(r.Detail())
}

// Detail is the summary followed by the examples, a line each.
func (r Report) Detail() string {
	var b strings.Builder
	b.WriteString(r.String())
	for _, f := range r.named() {
		for _, example := range f.Examples {
			fmt.Fprintf(&b, "\n  %s: %s", f.name, example)
		}
		if more := f.Count - len(f.Examples); more > 0 {
			fmt.Fprintf(&b, "\n  %s: %d more", f.name, more)
		}
	}
	return b.String()
}

// Sum adds reports up, for example those of the two directions of a mesh.
func Sum(reports ...Report) Report {
	var sum Report
	for _, r := range reports {
		sum.Acked += r.Acked
		sum.Maybe += r.Maybe
		sum.Aborted += r.Aborted
		sum.Delivered += r.Delivered
		sum.Read += r.Read
		into := sum.all()
		for i, f := range r.all() {
			into[i].join(*f)
		}
	}
	return sum
}

func (r *Report) all() []*Finding {
	return []*Finding{&r.Lost, &r.Duplicated, &r.Reordered, &r.Altered, &r.AbortedVisible, &r.Unexpected}
}

type namedFinding struct {
	name string
	*Finding
}

func (r *Report) named() []namedFinding {
	names := []string{"lost", "duplicated", "reordered", "altered", "aborted but visible", "unexpected"}
	named := make([]namedFinding, len(names))
	for i, f := range r.all() {
		named[i] = namedFinding{name: names[i], Finding: f}
	}
	return named
}

// add counts one case and keeps its description if it is among the first.
func (f *Finding) add(format string, args ...any) {
	f.Count++
	if len(f.Examples) < MaxExamples {
		f.Examples = append(f.Examples, fmt.Sprintf(format, args...))
	}
}

// join adds the cases of another finding.
func (f *Finding) join(other Finding) {
	f.Count += other.Count
	room := MaxExamples - len(f.Examples)
	f.Examples = append(f.Examples, other.Examples[:min(room, len(other.Examples))]...)
}
