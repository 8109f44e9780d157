package streams

const optJoinTable = optNamed | optKeySerde | optValueSerde

// JoinTable joins each record of a stream with the table's row of the same key, as
// it is when the record is processed. Records without a row, with a null key or
// with a null value give nothing; updates of the table give nothing by themselves.
// A result has the time and the headers of the stream's record.
//
// Both sides must be partitioned alike: the same number of partitions, the same
// partitioner and the same encoding of keys. If the stream's key was changed
// before, the stream is repartitioned first. The name is that of the join and of
// the repartition topic; the serdes are those of the stream in that topic.
func JoinTable[K, V, TV, O any](s *KStream[K, V], t *KTable[K, TV], fn func(V, TV) O, opts ...Option) *KStream[K, O] {
	return joinTable(s, t, "JoinTable", false, func(_ K, v V, row maybe[TV]) O { return fn(v, row.v) }, opts)
}

// JoinTableKV is JoinTable with a function that also sees the key.
func JoinTableKV[K, V, TV, O any](s *KStream[K, V], t *KTable[K, TV], fn func(K, V, TV) O, opts ...Option) *KStream[K, O] {
	return joinTable(s, t, "JoinTableKV", false, func(k K, v V, row maybe[TV]) O { return fn(k, v, row.v) }, opts)
}

// LeftJoinTable is JoinTable that joins a record without a row, or with a null
// key, with nil. Such a result is not corrected when the row comes later.
func LeftJoinTable[K, V, TV, O any](s *KStream[K, V], t *KTable[K, TV], fn func(V, *TV) O, opts ...Option) *KStream[K, O] {
	return joinTable(s, t, "LeftJoinTable", true, func(_ K, v V, row maybe[TV]) O { return fn(v, row.pointer()) }, opts)
}

// LeftJoinTableKV is LeftJoinTable with a function that also sees the key, which
// is the zero value for a null one.
func LeftJoinTableKV[K, V, TV, O any](s *KStream[K, V], t *KTable[K, TV], fn func(K, V, *TV) O, opts ...Option) *KStream[K, O] {
	return joinTable(s, t, "LeftJoinTableKV", true, func(k K, v V, row maybe[TV]) O { return fn(k, v, row.pointer()) }, opts)
}

func joinTable[K, V, TV, O any](s *KStream[K, V], t *KTable[K, TV], operator string, left bool, fn func(K, V, maybe[TV]) O, opts []Option) *KStream[K, O] {
	b := s.b
	o := b.read(operator, opts, optJoinTable)
	sameBuilder(operator, b, t.b)
	checkSerde[K](b, operator, o.key)
	checkSerde[V](b, operator, o.value)
	from := s.placedForJoin(operator, o.name, left, o)
	prefix := "KSTREAM-JOIN-"
	if left {
		prefix = "KSTREAM-LEFTJOIN-"
	}
	node := b.name(prefix, o)
	rows := t.rows.view()
	addProcessor(b, node, func() Processor[K, V, K, O] {
		return &lookupJoin[K, V, K, TV, O]{
			open: rows.open, left: left, fn: fn,
			key: func(r Record[K, V]) (K, bool) { return r.Key, !r.NullKey },
		}
	}, from.node)
	connect(b, node, rows.stores)
	copartition(b, node, from.node, t.node)
	return derive[K, V, K, O](from, node)
}

// lookupJoin joins each record of a stream with a row of a table.
type lookupJoin[K, V, TK, TV, O any] struct {
	ctx  ProcessorContext[K, O]
	look lookup[TK, TV]
	open func(ctx BaseContext) (lookup[TK, TV], error)
	key  func(r Record[K, V]) (TK, bool) // of the row; false if it is null
	left bool                            // a record without a row gives a result too
	fn   func(K, V, maybe[TV]) O
}

func (p *lookupJoin[K, V, TK, TV, O]) Init(ctx ProcessorContext[K, O]) (err error) {
	p.ctx = ctx
	p.look, err = p.open(ctx)
	return err
}

func (p *lookupJoin[K, V, TK, TV, O]) Close() error { return nil }

func (p *lookupJoin[K, V, TK, TV, O]) Process(r Record[K, V]) (err error) {
	if r.NullValue {
		dropped(p.ctx, "null value")
		return nil
	}
	var row maybe[TV]
	k, ok := p.key(r)
	switch {
	case ok:
		if row.v, _, row.ok, err = p.look(k); err != nil {
			return err
		}
	case !p.left:
		dropped(p.ctx, "null key")
		return nil
	}
	if row.ok || p.left {
		p.ctx.Forward(WithValue(r, p.fn(r.Key, r.Value, row)))
	}
	return nil
}
