package streams

import "strconv"

// Splitter splits a stream: each record goes to the first branch that wants it.
type Splitter[K, V any] struct {
	s        *KStream[K, V]
	name     string
	branches *[]branch[K, V]
	count    int
}

type branch[K, V any] struct {
	name string
	want func(K, V) bool // nil: everything
}

// Split begins to split the stream. What no branch wants is dropped, unless there
// is a default branch. The name of the split is the prefix of its branches' names.
func (s *KStream[K, V]) Split(opts ...Option) *Splitter[K, V] {
	name := s.b.name("KSTREAM-BRANCH-", s.b.read("Split", opts, optNamed))
	branches := &[]branch[K, V]{}
	addProcessor(s.b, name, func() Processor[K, V, K, V] {
		return &step[K, V, K, V]{fn: func(ctx ProcessorContext[K, V], r Record[K, V]) error {
			for _, b := range *branches {
				if b.want == nil || b.want(r.Key, r.Value) {
					ctx.ForwardTo(b.name, r)
					break
				}
			}
			return nil
		}}
	}, s.node)
	return &Splitter[K, V]{s: s, name: name, branches: branches}
}

// Branch is the stream of the records that want is true for and no branch before
// had.
func (p *Splitter[K, V]) Branch(want func(K, V) bool, opts ...Option) *KStream[K, V] {
	p.count++
	return p.add("Branch", strconv.Itoa(p.count), want, opts)
}

// Default is the stream of the records that no branch had. It comes last.
func (p *Splitter[K, V]) Default(opts ...Option) *KStream[K, V] {
	return p.add("Default", "0", nil, opts)
}

func (p *Splitter[K, V]) add(operator, suffix string, want func(K, V) bool, opts []Option) *KStream[K, V] {
	b := p.s.b
	o := b.read(operator, opts, optNamed)
	b.next("") // a branch uses up a number, whatever its name is
	if o.has(optNamed) {
		suffix = o.name
	}
	name := p.name + suffix
	*p.branches = append(*p.branches, branch[K, V]{name, want})
	addProcessor(b, name, func() Processor[K, V, K, V] { return &step[K, V, K, V]{fn: pass[K, V]} }, p.name)
	return derive[K, V, K, V](p.s, name)
}
