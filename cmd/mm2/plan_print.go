package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"mm2/internal/config"
	"mm2/topology"
)

// plan is what a file means, in the words of its JSON form. Names and values
// are part of the command's interface.
type plan struct {
	File     string        `json:"file"`
	Clusters []planCluster `json:"clusters"`
	Flows    []planFlow    `json:"flows"`
	Warnings []planWarning `json:"warnings"`
}

type planCluster struct {
	Alias     topology.Alias `json:"alias"`
	Bootstrap []string       `json:"bootstrap"`
	Protocol  string         `json:"protocol"`
	Mechanism string         `json:"mechanism,omitempty"`
}

type planFlow struct {
	Flow                string          `json:"flow"`
	Source              topology.Alias  `json:"source"`
	Target              topology.Alias  `json:"target"`
	Copy                bool            `json:"copy"`
	Topics              []string        `json:"topics"`
	TopicsExclude       []string        `json:"topics_exclude"`
	Policy              string          `json:"policy"`
	ExampleTopic        string          `json:"example_topic"`
	ExampleRemoteTopic  string          `json:"example_remote_topic"`
	Lanes               planLanes       `json:"lanes"`
	Delivery            config.Delivery `json:"delivery"`
	Isolation           string          `json:"isolation"`
	Start               string          `json:"start"`
	Compression         string          `json:"compression"`
	RateLimit           int64           `json:"rate_limit_bytes,omitempty"`
	DiscoverySeconds    float64         `json:"discovery_interval_seconds"` // 0: only at the start
	ReplicationFactor   int16           `json:"replication_factor"`         // -1: the target's default
	Heartbeats          planHeartbeats  `json:"heartbeats"`
	ReplicateHeartbeats bool            `json:"replicate_heartbeats"`
	Stages              []planStage     `json:"stages,omitempty"`
	planFollow
}

type planLanes struct {
	Topic             string `json:"topic"`
	Count             int    `json:"count"`
	ReplicationFactor int16  `json:"replication_factor"`
}

type planHeartbeats struct {
	Emit              bool    `json:"emit"`
	Seed              bool    `json:"seed"`
	IntervalSeconds   float64 `json:"interval_seconds"`
	ReplicationFactor int16   `json:"replication_factor"`
}

type planWarning struct {
	Line       int    `json:"line"`
	Key        string `json:"key,omitempty"`
	Value      string `json:"value,omitempty"`
	Rule       string `json:"rule"`
	Suggestion string `json:"suggestion,omitempty"`
}

func newPlan(c *config.Config) plan {
	p := plan{File: c.File, Clusters: []planCluster{}, Flows: []planFlow{}, Warnings: []planWarning{}}
	for _, alias := range slices.Sorted(maps.Keys(c.Clusters)) {
		conn := c.Clusters[alias]
		cluster := planCluster{Alias: alias, Bootstrap: conn.Bootstrap, Protocol: cmp.Or(string(conn.Protocol), "PLAINTEXT")}
		if strings.HasPrefix(cluster.Protocol, "SASL") {
			cluster.Mechanism = string(conn.SASL.Mechanism)
		}
		p.Clusters = append(p.Clusters, cluster)
	}
	for _, f := range c.Flows {
		p.Flows = append(p.Flows, newPlanFlow(f))
	}
	for _, w := range c.Warnings {
		p.Warnings = append(p.Warnings, planWarning{Line: w.Line, Key: w.Key, Value: w.Value, Rule: w.Rule, Suggestion: w.Suggestion})
	}
	return p
}

func newPlanFlow(f config.Flow) planFlow {
	example := exampleTopic(f.Flow)
	p := planFlow{
		Flow: f.ID.String(), Source: f.ID.Source, Target: f.ID.Target, Copy: f.Copy,
		Topics: orEmpty(f.Topics.Include()), TopicsExclude: orEmpty(f.Topics.Exclude()),
		Policy: f.Policy.Name(), ExampleTopic: example, ExampleRemoteTopic: f.RemoteTopic(example),
		Lanes:    planLanes{Topic: topology.LanesTopic(f.ID.Source), Count: f.Lanes, ReplicationFactor: f.LanesReplicationFactor},
		Delivery: f.Delivery, Isolation: "read_committed", Start: "earliest",
		Compression: f.Compression, RateLimit: f.RateLimit,
		ReplicationFactor: f.ReplicationFactor, ReplicateHeartbeats: f.ReplicateHeartbeats,
		planFollow: newPlanFollow(f),
		Heartbeats: planHeartbeats{
			Emit: f.Heartbeats.Emit, Seed: f.Heartbeats.Seed,
			IntervalSeconds: f.Heartbeats.Interval.Seconds(), ReplicationFactor: f.HeartbeatsReplicationFactor,
		},
	}
	p.Stages = planStages(f)
	if f.ReadUncommitted {
		p.Isolation = "read_uncommitted"
	}
	if f.StartLatest {
		p.Start = "latest"
	}
	if f.DiscoveryInterval != config.Never {
		p.DiscoverySeconds = f.DiscoveryInterval.Seconds()
	}
	return p
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{} // [] in JSON, not null
	}
	return list
}

var plainName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// exampleTopic is a topic that shows how the flow names its copies: one that
// the file names, or else one that people know from books.
func exampleTopic(f topology.Flow) string {
	for _, t := range f.Topics.Include() {
		if name := strings.TrimSuffix(t, ".*"); plainName.MatchString(name) && f.Replicates(name) {
			return name
		}
	}
	return "orders"
}

func printPlanJSON(out io.Writer, p plan) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(p)
}

// printPlanText writes for people: facts in a column, warnings last.
func printPlanText(out io.Writer, p plan) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s between %s\n", p.File, count(len(p.Flows), "flow"), count(len(p.Clusters), "cluster"))
	b.WriteString("\nclusters\n")
	rows(&b, func(row func(name, fact string)) {
		for _, c := range p.Clusters {
			row(string(c.Alias), strings.TrimRight(strings.Join(c.Bootstrap, ", ")+"  "+c.Protocol+" "+c.Mechanism, " "))
		}
	})
	for _, f := range p.Flows {
		fmt.Fprintf(&b, "\n%s -> %s\n", f.Source, f.Target)
		rows(&b, f.facts)
	}
	if len(p.Warnings) > 0 {
		fmt.Fprintf(&b, "\n%s\n", count(len(p.Warnings), "warning"))
		for _, w := range p.Warnings {
			fmt.Fprintf(&b, "  %s\n", config.Problem{File: p.File, Line: w.Line, Key: w.Key, Value: w.Value, Rule: w.Rule, Suggestion: w.Suggestion})
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// rows aligns the facts of a list.
func rows(b *strings.Builder, list func(row func(name, fact string))) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	list(func(name, fact string) { fmt.Fprintf(w, "  %s\t%s\n", name, fact) })
	_ = w.Flush() // into a strings.Builder: never fails
}

func (f planFlow) facts(row func(name, fact string)) {
	if !f.Copy {
		row("copies", "nothing: heartbeats only")
		row("heartbeats", f.heartbeatsText())
		return
	}
	row("topics", patterns(f.Topics, f.TopicsExclude))
	row("named", fmt.Sprintf("%s -> %s (%s)", f.ExampleTopic, f.ExampleRemoteTopic, f.policyText()))
	for _, s := range f.Stages {
		row("stage "+s.Name, s.text())
	}
	row("created with", replication(f.ReplicationFactor))
	row("delivery", fmt.Sprintf("%s, reads %s, starts at %s", f.Delivery, f.Isolation, f.Start))
	row("lanes", fmt.Sprintf("%d, in %s on %s with %s", f.Lanes.Count, f.Lanes.Topic, f.Target, replication(f.Lanes.ReplicationFactor)))
	row("compression", f.compressionText())
	row("discovery", f.discoveryText())
	row("heartbeats", f.heartbeatsText())
	f.followFacts(row)
}

// patterns says what a filter selects.
func patterns(include, exclude []string) string {
	selected := strings.Join(include, ", ")
	if selected == "" {
		selected = "none"
	}
	if len(exclude) > 0 {
		selected += " except " + strings.Join(exclude, ", ")
	}
	return selected
}

func (f planFlow) policyText() string {
	if f.Policy != "identity" {
		return f.Policy + " policy"
	}
	return "identity policy, " + map[topology.Provenance]string{
		topology.ProvenanceAuto:   "records marked on a way round",
		topology.ProvenanceAlways: "records marked with where they come from",
		topology.ProvenanceOff:    "records not marked",
	}[f.Provenance]
}

func (f planFlow) compressionText() string {
	text := f.Compression
	if text == "source" {
		text = "as in the source"
	}
	if f.RateLimit > 0 {
		text += fmt.Sprintf(", at most %.1f MB/s for each worker", float64(f.RateLimit)/1e6)
	}
	return text
}

func (f planFlow) discoveryText() string {
	if f.DiscoverySeconds == 0 {
		return "only at the start"
	}
	return "every " + seconds(f.DiscoverySeconds)
}

// heartbeatsText says what is written where, and whether others' pass.
func (f planFlow) heartbeatsText() string {
	var parts []string
	if f.Heartbeats.Emit {
		parts = append(parts, "into "+string(f.Target))
	}
	if f.Heartbeats.Seed {
		parts = append(parts, "into "+string(f.Source))
	}
	text := "none emitted"
	if len(parts) > 0 {
		text = fmt.Sprintf("%s every %s with %s", strings.Join(parts, " and "),
			seconds(f.Heartbeats.IntervalSeconds), replication(f.Heartbeats.ReplicationFactor))
	}
	switch {
	case !f.Copy:
	case f.ReplicateHeartbeats:
		text += "; copied along"
	default:
		text += "; copied only where topics says so"
	}
	return text
}

// seconds is a duration without the zero parts that Go prints.
func seconds(s float64) string {
	text := time.Duration(s * float64(time.Second)).String()
	for _, zero := range []string{"0s", "0m"} {
		if rest := strings.TrimSuffix(text, zero); strings.HasSuffix(rest, "m") || strings.HasSuffix(rest, "h") {
			text = rest
		}
	}
	return text
}

func replication(n int16) string {
	if n < 0 {
		return "the cluster's default replication factor"
	}
	return fmt.Sprintf("replication factor %d", n)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
