package streams

// JoinGlobal joins each record of a stream with the row of a global table whose
// key is key of the record. Records without a row, for which key gives nil, or
// with a null value give nothing. A result has the key, the time and the headers
// of the stream's record, and nothing needs to be partitioned alike.
//
// The table follows its topic by itself: a record may find a row that is newer
// than the record, or miss one that is older.
func JoinGlobal[K, V, GK, GV, O any](s *KStream[K, V], g *GlobalKTable[GK, GV], key func(K, V) GK, fn func(V, GV) O, opts ...Option) *KStream[K, O] {
	return joinGlobal(s, g, "JoinGlobal", false, key, func(_ K, v V, row maybe[GV]) O { return fn(v, row.v) }, opts)
}

// JoinGlobalKV is JoinGlobal with a function that also sees the stream's key.
func JoinGlobalKV[K, V, GK, GV, O any](s *KStream[K, V], g *GlobalKTable[GK, GV], key func(K, V) GK, fn func(K, V, GV) O, opts ...Option) *KStream[K, O] {
	return joinGlobal(s, g, "JoinGlobalKV", false, key, func(k K, v V, row maybe[GV]) O { return fn(k, v, row.v) }, opts)
}

// LeftJoinGlobal is JoinGlobal that joins a record without a row, or for which key
// gives nil, with nil.
func LeftJoinGlobal[K, V, GK, GV, O any](s *KStream[K, V], g *GlobalKTable[GK, GV], key func(K, V) GK, fn func(V, *GV) O, opts ...Option) *KStream[K, O] {
	return joinGlobal(s, g, "LeftJoinGlobal", true, key, func(_ K, v V, row maybe[GV]) O { return fn(v, row.pointer()) }, opts)
}

// LeftJoinGlobalKV is LeftJoinGlobal with a function that also sees the stream's
// key.
func LeftJoinGlobalKV[K, V, GK, GV, O any](s *KStream[K, V], g *GlobalKTable[GK, GV], key func(K, V) GK, fn func(K, V, *GV) O, opts ...Option) *KStream[K, O] {
	return joinGlobal(s, g, "LeftJoinGlobalKV", true, key, func(k K, v V, row maybe[GV]) O { return fn(k, v, row.pointer()) }, opts)
}

func joinGlobal[K, V, GK, GV, O any](s *KStream[K, V], g *GlobalKTable[GK, GV], operator string, left bool, key func(K, V) GK, fn func(K, V, maybe[GV]) O, opts []Option) *KStream[K, O] {
	o := s.b.read(operator, opts, optNamed)
	sameBuilder(operator, s.b, g.b)
	node := s.b.name("KSTREAM-LEFTJOIN-", o) // also the inner join, as in Kafka
	isNil := nullsOf[GK, GV]().key
	addProcessor(s.b, node, func() Processor[K, V, K, O] {
		return &lookupJoin[K, V, GK, GV, O]{
			open: g.open, left: left, fn: fn,
			key: func(r Record[K, V]) (GK, bool) {
				k := key(r.Key, r.Value)
				return k, isNil == nil || !isNil(k)
			},
		}
	}, s.node)
	return derive[K, V, K, O](s, node)
}
