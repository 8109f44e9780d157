package configsync

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/topology"
)

// Features are what a flow does, as far as it takes rights.
type Features struct {
	Flow        topology.Flow
	AtLeastOnce bool // needs no transactional ids

	Heartbeats bool // written into the target
	Seed       bool // written into the source

	Segments            bool // the exact map of offsets is kept
	OffsetSyncsOnSource bool
	OffsetSyncsOnTarget bool
	Checkpoints         bool

	Groups     topology.Filter // that are translated; the zero Filter: none
	TailGroups bool            // __consumer_offsets is read instead of each group
	SyncGroups bool            // positions are committed on the target

	JavaOffsets     string // topic on the target that is kept current for Java; empty: none
	JavaGroup       string // of the workers of Java that are taken over from; goes with JavaOffsets
	DeadLetter      string // topic on the target; empty: none
	EmptyPartitions bool   // a policy empties copies (restart)

	Configs      bool
	ACLs         bool
	ReverseACLs  bool // what the flow the other way made is read on the source
	DeleteTopics bool
}

// Right is what mm2's principal must be allowed on one resource.
type Right struct {
	Cluster    topology.Alias              `json:"cluster"`
	Resource   kmsg.ACLResourceType        `json:"resource"`
	Pattern    kmsg.ACLResourcePatternType `json:"pattern"`
	Name       string                      `json:"name"`
	Operations []kmsg.ACLOperation         `json:"operations"`
	For        []string                    `json:"for"`
}

// Rights lists what a flow needs on both clusters, the source first, sorted by
// resource and name, each resource once. It follows from the requests that mm2
// makes; docs/operations.md says the same in prose.
func Rights(f Features) []Right {
	var r rights
	r.source(f)
	r.target(f)
	slices.SortStableFunc(r, func(a, b Right) int {
		if a.Cluster != b.Cluster {
			if a.Cluster == f.Flow.ID.Source {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Pattern, b.Pattern))
	})
	return r
}

const (
	opRead            = kmsg.ACLOperationRead
	opWrite           = kmsg.ACLOperationWrite
	opCreate          = kmsg.ACLOperationCreate
	opDelete          = kmsg.ACLOperationDelete
	opAlter           = kmsg.ACLOperationAlter
	opDescribe        = kmsg.ACLOperationDescribe
	opDescribeConfigs = kmsg.ACLOperationDescribeConfigs
	opAlterConfigs    = kmsg.ACLOperationAlterConfigs
)

// rights collects; what is added for one resource twice is merged.
type rights []Right

func (r *rights) add(cluster topology.Alias, on resource, why string, ops ...kmsg.ACLOperation) {
	for i := range *r {
		if have := &(*r)[i]; have.Cluster == cluster && have.resource() == on {
			have.Operations = append(have.Operations, ops...)
			slices.Sort(have.Operations)
			have.Operations = slices.Compact(have.Operations)
			have.For = append(have.For, why)
			return
		}
	}
	slices.Sort(ops)
	*r = append(*r, Right{
		Cluster: cluster, Resource: on.kind, Pattern: on.pattern, Name: on.name, Operations: slices.Compact(ops), For: []string{why},
	})
}

func (r *rights) source(f Features) {
	a := f.Flow.ID.Source
	add := func(on resource, why string, ops ...kmsg.ACLOperation) { r.add(a, on, why, ops...) }
	if f.Flow.Copy {
		for _, t := range copiedTopics(f.Flow) {
			add(t, "copying", opRead, opDescribe)
			add(t, "making the copy like it", opDescribeConfigs)
		}
		if f.ACLs {
			add(theCluster, "reading ACLs", opDescribe)
		}
		if f.ReverseACLs {
			add(theTopic(topology.OwnedTopic(f.Flow.ID.Target)), "telling ACLs that came from the other side", opRead, opDescribe)
		}
		r.groupsOnSource(f, add)
	}
	if f.Seed {
		add(theTopic(f.Flow.Policy.HeartbeatsTopic()), "heartbeats", opCreate, opDescribe, opWrite, opDescribeConfigs)
	}
	if f.OffsetSyncsOnSource {
		add(theTopic(f.Flow.Policy.OffsetSyncsTopic(f.Flow.ID.Target)), "offset syncs", opCreate, opDescribe, opRead, opWrite, opDescribeConfigs)
	}
}

func (r *rights) groupsOnSource(f Features, add func(resource, string, ...kmsg.ACLOperation)) {
	groups := fromPatterns(kmsg.ACLResourceTypeGroup, f.Groups.Include())
	for _, g := range groups {
		add(g, "positions of groups", opDescribe)
	}
	if len(groups) > 0 && f.TailGroups {
		add(theTopic("__consumer_offsets"), "following groups at once", opRead, opDescribe)
	}
}

func (r *rights) target(f Features) {
	b, from := f.Flow.ID.Target, f.Flow.ID.Source
	add := func(on resource, why string, ops ...kmsg.ACLOperation) { r.add(b, on, why, ops...) }
	state := func(name, why string) {
		add(theTopic(name), why, opCreate, opDescribe, opRead, opWrite, opDescribeConfigs)
	}
	if f.Heartbeats {
		add(theTopic(f.Flow.Policy.HeartbeatsTopic()), "heartbeats", opCreate, opDescribe, opWrite, opDescribeConfigs)
	}
	// Who writes heartbeats is decided by the lanes, too.
	state(topology.LanesTopic(from), "ownership and marks")
	add(resource{kmsg.ACLResourceTypeGroup, kmsg.ACLResourcePatternTypeLiteral, topology.LaneGroup(f.Flow.ID)}, "sharing lanes", opRead)
	if !f.AtLeastOnce {
		id := strings.TrimSuffix(topology.TransactionalID(f.Flow.ID, 0), "0")
		add(resource{kmsg.ACLResourceTypeTransactionalId, kmsg.ACLResourcePatternTypePrefixed, id}, "transactions", opWrite, opDescribe)
	}
	if !f.Flow.Copy {
		return
	}
	for _, t := range copies(f.Flow) {
		add(t, "making and writing copies", opCreate, opDescribe, opWrite)
		add(t, "growing them", opAlter)
		add(t, "their limits", opDescribeConfigs)
		add(t, "looking for hanging transactions", opRead)
		if f.Configs {
			add(t, "keeping configs in step", opAlterConfigs)
		}
		if f.DeleteTopics {
			add(t, "deleting copies of topics that are gone", opDelete)
		}
		if f.EmptyPartitions {
			add(t, "emptying copies that start anew", opDelete)
		}
	}
	state(topology.OwnedTopic(from), "what mm2 made")
	if f.Segments {
		state(topology.SegmentsTopic(from), "the exact map of offsets")
	}
	if f.OffsetSyncsOnTarget {
		state(f.Flow.Policy.OffsetSyncsTopic(from), "offset syncs")
	}
	if f.Checkpoints {
		state(f.Flow.Policy.CheckpointsTopic(from), "checkpoints")
	}
	if f.JavaOffsets != "" {
		r.takeOver(f, add)
	}
	if f.DeadLetter != "" {
		add(theTopic(f.DeadLetter), "records that the target refuses", opCreate, opDescribe, opWrite, opDescribeConfigs)
	}
	if f.SyncGroups {
		for _, g := range fromPatterns(kmsg.ACLResourceTypeGroup, f.Groups.Include()) {
			add(g, "committing positions of groups", opRead, opDescribe)
		}
	}
	if !f.AtLeastOnce {
		add(theCluster, "finishing hanging transactions (optional)", opAlter)
	}
	if f.ACLs {
		add(theCluster, "reading and making ACLs", opDescribe, opAlter)
	}
}

// takeOver are the rights on what Java's workers left. Only the topic must be
// seen where they never ran, to know that.
func (r *rights) takeOver(f Features, add func(resource, string, ...kmsg.ACLOperation)) {
	const why = "taking over from Java and handing back"
	add(theTopic(f.JavaOffsets), why, opDescribe, opRead, opWrite)
	add(theTopic(f.JavaOffsets), "keeping it small (optional)", opDescribeConfigs, opAlterConfigs)
	if f.JavaGroup != "" {
		add(resource{kmsg.ACLResourceTypeGroup, kmsg.ACLResourcePatternTypeLiteral, f.JavaGroup}, why+", where Java ran", opDescribe)
		add(resource{kmsg.ACLResourceTypeTransactionalId, kmsg.ACLResourcePatternTypePrefixed, f.JavaGroup + "-"}, why+", where Java ran exactly once", opWrite, opDescribe)
	}
}

// resource is what rights are about.
type resource struct {
	kind    kmsg.ACLResourceType
	pattern kmsg.ACLResourcePatternType
	name    string
}

func (r Right) resource() resource { return resource{r.Resource, r.Pattern, r.Name} }

var theCluster = resource{kmsg.ACLResourceTypeCluster, kmsg.ACLResourcePatternTypeLiteral, "kafka-cluster"}

func theTopic(name string) resource {
	return resource{kmsg.ACLResourceTypeTopic, kmsg.ACLResourcePatternTypeLiteral, name}
}

// copiedTopics are the topics of the source, heartbeats included.
func copiedTopics(f topology.Flow) []resource {
	topics := fromPatterns(kmsg.ACLResourceTypeTopic, f.Topics.Include())
	if f.ReplicateHeartbeats && !slices.Contains(topics, theTopic(wildcard)) {
		topics = append(topics, theTopic(f.Policy.HeartbeatsTopic()))
	}
	return topics
}

// copies are the topics of the target.
func copies(f topology.Flow) []resource {
	if prefix := f.RemoteTopic(""); prefix != "" {
		return []resource{{kmsg.ACLResourceTypeTopic, kmsg.ACLResourcePatternTypePrefixed, prefix}}
	}
	topics := fromPatterns(kmsg.ACLResourceTypeTopic, f.Topics.Include())
	if f.ReplicateHeartbeats && !slices.Contains(topics, theTopic(wildcard)) {
		topics = append(topics, theTopic(f.RemoteTopic(f.Policy.HeartbeatsTopic())))
	}
	return topics
}

var plainPattern = regexp.MustCompile(`^[a-zA-Z0-9_>-]+(?:(?:\.|\\\.)[a-zA-Z0-9_>-]+)*$`)

// fromPatterns are the narrowest resources that cover what the patterns match:
// a plain name is itself, "name.*" a prefix, and anything else everything.
func fromPatterns(kind kmsg.ACLResourceType, patterns []string) []resource {
	var out []resource
	for _, p := range patterns {
		on := resource{kind, kmsg.ACLResourcePatternTypeLiteral, wildcard}
		prefix, isPrefix := strings.CutSuffix(p, ".*")
		prefix = strings.TrimSuffix(prefix, `\.`) // "orders\..*"
		switch {
		case plainPattern.MatchString(p):
			on.name = strings.ReplaceAll(p, `\.`, ".")
		case isPrefix && plainPattern.MatchString(prefix):
			on.pattern, on.name = kmsg.ACLResourcePatternTypePrefixed, strings.ReplaceAll(prefix, `\.`, ".")
		}
		if on.name == wildcard {
			return []resource{on}
		}
		if !slices.Contains(out, on) {
			out = append(out, on)
		}
	}
	return out
}

// Command is the call of Kafka's tool that grants the right.
func (r Right) Command(bootstrap, principal string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "kafka-acls.sh --bootstrap-server %s --add --allow-principal %s", bootstrap, principal)
	if r.Pattern == kmsg.ACLResourcePatternTypePrefixed {
		b.WriteString(" --resource-pattern-type prefixed")
	}
	switch r.Resource {
	case kmsg.ACLResourceTypeTopic:
		b.WriteString(" --topic " + shell(r.Name))
	case kmsg.ACLResourceTypeGroup:
		b.WriteString(" --group " + shell(r.Name))
	case kmsg.ACLResourceTypeTransactionalId:
		b.WriteString(" --transactional-id " + shell(r.Name))
	default:
		b.WriteString(" --cluster")
	}
	for _, op := range r.Operations {
		b.WriteString(" --operation " + camel(op.String()))
	}
	return b.String()
}

var harmlessWord = regexp.MustCompile(`^[a-zA-Z0-9._:-]+$`)

// shell quotes what a shell would take for something else.
func shell(word string) string {
	if harmlessWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// camel turns DESCRIBE_CONFIGS into DescribeConfigs.
func camel(enum string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(strings.ToLower(enum), "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}
