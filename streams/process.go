package streams

// Process passes the records through a processor, which may change everything.
// Stores are those that AddStateStore declared and Connect gives access to.
func Process[K, V, KO, VO any](s *KStream[K, V], supply func() Processor[K, V, KO, VO], opts ...Option) *KStream[KO, VO] {
	p := process(s, "Process", "KSTREAM-PROCESSOR-", supply, opts)
	p.rekeyed = true
	return p
}

// ProcessValues is Process with a processor that keeps the key: the stream stays
// placed by it, and what follows inserts no repartition.
func ProcessValues[K, V, VO any](s *KStream[K, V], supply func() ValueProcessor[K, V, VO], opts ...Option) *KStream[K, VO] {
	return process(s, "ProcessValues", "KSTREAM-PROCESSVALUES-", func() Processor[K, V, K, VO] {
		return &keyKeeper[K, V, VO]{p: supply()}
	}, opts)
}

// ValueProcessor is a processor that cannot change the key: what it forwards has
// the key of the record being processed.
type ValueProcessor[K, V, VO any] interface {
	Init(ctx ValueContext[VO]) error
	Process(r Record[K, V]) error
	Close() error
}

// ValueContext is the context of a ValueProcessor.
type ValueContext[VO any] interface {
	BaseContext
	// Forward passes a value on, with the key, the time and the headers of the
	// record being processed. In a scheduled function there is no such record, and
	// it fails.
	Forward(v VO)
	// ForwardNull passes on a null value.
	ForwardNull()
}

// keyKeeper runs a ValueProcessor.
type keyKeeper[K, V, VO any] struct {
	ProcessorContext[K, VO]
	p   ValueProcessor[K, V, VO]
	now *Record[K, V]
}

func (p *keyKeeper[K, V, VO]) Init(ctx ProcessorContext[K, VO]) error {
	p.ProcessorContext = ctx
	return p.p.Init(valueContext[K, V, VO]{ctx, p})
}

func (p *keyKeeper[K, V, VO]) Process(r Record[K, V]) error {
	p.now = &r
	defer func() { p.now = nil }()
	return p.p.Process(r)
}

func (p *keyKeeper[K, V, VO]) Close() error { return p.p.Close() }

type valueContext[K, V, VO any] struct {
	BaseContext
	p *keyKeeper[K, V, VO]
}

func (c valueContext[K, V, VO]) Forward(v VO) {
	if c.p.now == nil {
		panic("streams: a ValueProcessor forwards from a scheduled function, where there is no key: use Process")
	}
	c.p.ProcessorContext.Forward(WithValue(*c.p.now, v))
}

func (c valueContext[K, V, VO]) ForwardNull() {
	if c.p.now == nil {
		panic("streams: a ValueProcessor forwards from a scheduled function, where there is no key: use Process")
	}
	c.p.ProcessorContext.Forward(nullValue[K, V, VO](*c.p.now))
}

func process[K, V, KO, VO any](s *KStream[K, V], operator, prefix string, supply func() Processor[K, V, KO, VO], opts []Option) *KStream[KO, VO] {
	o := s.b.read(operator, opts, optNamed|optConnect)
	name := o.name
	if !o.has(optNamed) {
		name = s.b.next(prefix)
	}
	addProcessor(s.b, name, supply, s.node)
	connect(s.b, name, o.connect)
	return derive[K, V, KO, VO](s, name)
}
