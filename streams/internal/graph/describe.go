package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Describe is the topology as Kafka's TopologyDescription prints it, to the
// byte, so that descriptions of both can be compared.
func (t *Topology) Describe() string {
	var b strings.Builder
	b.WriteString("Topologies:\n ")
	for _, part := range t.Subtopologies {
		part.describe(&b)
	}
	return b.String()
}

func (s *Subtopology) describe(b *strings.Builder) {
	fmt.Fprintf(b, "  Sub-topology: %d", s.ID)
	if s.Global {
		b.WriteString(" for global store (will not generate tasks)")
	}
	b.WriteString("\n")
	for _, n := range order(s.Nodes) {
		n.describe(b)
	}
	if !s.Global {
		b.WriteString("\n")
	}
}

func (d *described) describe(b *strings.Builder) {
	switch d.Kind {
	case Source:
		topics := "[" + strings.Join(d.Topics, ", ") + "]"
		if d.Pattern != nil {
			topics = d.Pattern.String()
		}
		fmt.Fprintf(b, "    Source: %s (topics: %s%s)\n", d.Name, topics, d.where())
	case Processor:
		fmt.Fprintf(b, "    Processor: %s (stores: [%s])\n", d.Name, strings.Join(hashOrder(d.Stores), ", "))
	case Sink:
		topic := "topic: " + d.Topic
		if d.Topic == "" {
			topic = fmt.Sprintf("extractor class: %T", d.Impl)
		}
		fmt.Fprintf(b, "    Sink: %s (%s%s)\n", d.Name, topic, d.where())
	}
	if d.Kind != Sink {
		fmt.Fprintf(b, "      --> %s\n", names(d.after))
	}
	if d.Kind != Source {
		fmt.Fprintf(b, "      <-- %s\n", names(d.before))
	}
}

// where is what Kafka has no word for: the cluster of a node that names one.
func (d *described) where() string {
	if d.Cluster == "" {
		return ""
	}
	return ", cluster: " + d.Cluster
}

func names(nodes []*described) string {
	if len(nodes) == 0 {
		return "none"
	}
	var list []string
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	return strings.Join(list, ", ")
}

// described is a node with its neighbours in the order of the description.
type described struct {
	*Node
	size          int // 1 and the sizes of its children
	before, after []*described
}

// compare puts larger nodes first, and nodes of the same size in the order of
// their names.
func compare(a, b *described) int {
	if a.size != b.size {
		return b.size - a.size
	}
	return strings.Compare(a.Name, b.Name)
}

// order sorts the nodes of a part. Kafka sorts a node's neighbours while the
// sizes are still growing, in the order of a hash map, and that order is visible
// in the text; so this takes the same way.
func order(nodes []*Node) []*described {
	byName := make(map[string]*described, len(nodes))
	list := make([]string, 0, len(nodes))
	for _, n := range nodes {
		byName[n.Name] = &described{Node: n, size: 1}
		list = append(list, n.Name)
	}
	var grow func(d *described, by int)
	grow = func(d *described, by int) {
		d.size += by
		for _, p := range d.before {
			grow(p, by)
		}
	}
	for _, name := range hashOrder(list) {
		d := byName[name]
		for _, parent := range d.Parents {
			p := byName[parent.Name]
			d.before = insert(d.before, p)
			p.after = insert(p.after, d)
			grow(p, d.size)
		}
	}
	sorted := make([]*described, 0, len(nodes))
	for _, n := range nodes {
		sorted = append(sorted, byName[n.Name])
	}
	slices.SortFunc(sorted, compare)
	return sorted
}

func insert(list []*described, d *described) []*described {
	i, _ := slices.BinarySearchFunc(list, d, compare)
	return slices.Insert(list, i, d)
}

// hashOrder is the order in which Java's HashMap and HashSet give these keys
// when they were put in this order.
func hashOrder(keys []string) []string {
	buckets := uint32(16)
	for uint32(len(keys))*4 > buckets*3 {
		buckets *= 2
	}
	bucket := func(s string) uint32 {
		var h uint32
		for _, r := range s {
			h = 31*h + uint32(r)
		}
		return (h ^ h>>16) & (buckets - 1)
	}
	sorted := slices.Clone(keys)
	slices.SortStableFunc(sorted, func(a, b string) int { return int(bucket(a)) - int(bucket(b)) })
	return sorted
}
