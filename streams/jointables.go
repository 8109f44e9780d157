package streams

// JoinTables is the table of the keys that have a row in both tables, with what fn
// makes of them. Each update of either side updates it; a result has the later
// time of the two rows, and a nil that fn gives is no row. Both topics must be
// partitioned alike.
//
// The option Store keeps the rows; else they are joined again when an operator
// looks them up. Without one, a deletion on a side that has no row any more is
// passed on again while the other side has one. ValueSerde is that of the result.
func JoinTables[K, L, R, O any](l *KTable[K, L], r *KTable[K, R], fn func(L, R) O, opts ...Option) *KTable[K, O] {
	return joinTables(l, r, "JoinTables", true, true, func(_ K, l maybe[L], r maybe[R]) O { return fn(l.v, r.v) }, opts)
}

// JoinTablesKV is JoinTables with a function that also sees the key.
func JoinTablesKV[K, L, R, O any](l *KTable[K, L], r *KTable[K, R], fn func(K, L, R) O, opts ...Option) *KTable[K, O] {
	return joinTables(l, r, "JoinTablesKV", true, true, func(k K, l maybe[L], r maybe[R]) O { return fn(k, l.v, r.v) }, opts)
}

// LeftJoinTables is JoinTables that has all keys of the left table; nil is a row
// that the right one does not have.
func LeftJoinTables[K, L, R, O any](l *KTable[K, L], r *KTable[K, R], fn func(L, *R) O, opts ...Option) *KTable[K, O] {
	return joinTables(l, r, "LeftJoinTables", true, false, func(_ K, l maybe[L], r maybe[R]) O { return fn(l.v, r.pointer()) }, opts)
}

// LeftJoinTablesKV is LeftJoinTables with a function that also sees the key.
func LeftJoinTablesKV[K, L, R, O any](l *KTable[K, L], r *KTable[K, R], fn func(K, L, *R) O, opts ...Option) *KTable[K, O] {
	return joinTables(l, r, "LeftJoinTablesKV", true, false, func(k K, l maybe[L], r maybe[R]) O { return fn(k, l.v, r.pointer()) }, opts)
}

// OuterJoinTables is JoinTables that has the keys of both tables; nil is a row that
// one of them does not have. At least one is not nil.
func OuterJoinTables[K, L, R, O any](l *KTable[K, L], r *KTable[K, R], fn func(*L, *R) O, opts ...Option) *KTable[K, O] {
	return joinTables(l, r, "OuterJoinTables", false, false, func(_ K, l maybe[L], r maybe[R]) O { return fn(l.pointer(), r.pointer()) }, opts)
}

// OuterJoinTablesKV is OuterJoinTables with a function that also sees the key.
func OuterJoinTablesKV[K, L, R, O any](l *KTable[K, L], r *KTable[K, R], fn func(K, *L, *R) O, opts ...Option) *KTable[K, O] {
	return joinTables(l, r, "OuterJoinTablesKV", false, false, func(k K, l maybe[L], r maybe[R]) O { return fn(k, l.pointer(), r.pointer()) }, opts)
}
