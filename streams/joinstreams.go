package streams

// JoinStreams joins the records of two streams that have the same key and times
// within a window of each other: a result for each such pair, when the second of
// the two is processed. It has the later time of the two and the headers of the
// second. Records with a null key or a null value give nothing.
//
// Both sides must be partitioned alike: the same number of partitions, the same
// partitioner and the same encoding of keys. A side whose key was changed before
// is repartitioned first. The name is that of the nodes and of the repartition
// topics; JoinStores is that of the stores.
//
// How late a record may be is up to the stores alone, which keep records for the
// length of the window and the grace behind the latest of their side.
func JoinStreams[K, L, R, O any](l *KStream[K, L], r *KStream[K, R], w JoinWindow, fn func(L, R) O, opts ...Option) *KStream[K, O] {
	return joinStreams(l, r, &streamJoin[K, L, R, O]{
		operator: "JoinStreams", window: w,
		fn: func(_ K, l maybe[L], r maybe[R]) O { return fn(l.v, r.v) },
	}, opts)
}

// JoinStreamsKV is JoinStreams with a function that also sees the key.
func JoinStreamsKV[K, L, R, O any](l *KStream[K, L], r *KStream[K, R], w JoinWindow, fn func(K, L, R) O, opts ...Option) *KStream[K, O] {
	return joinStreams(l, r, &streamJoin[K, L, R, O]{
		operator: "JoinStreamsKV", window: w,
		fn: func(k K, l maybe[L], r maybe[R]) O { return fn(k, l.v, r.v) },
	}, opts)
}

// LeftJoinStreams is JoinStreams that also has a result, with nil, for each record
// of the left stream that no record of the right one is found for. Such a result
// has the time of its record. It comes when the window of the record and the grace
// are over, with a later record of either side that moves the time of the task:
// while none comes, nothing is known to be over. A record with a null key gives it
// at once.
//
// A record that is later than its window and the grace can still find one whose
// result with nil is out.
func LeftJoinStreams[K, L, R, O any](l *KStream[K, L], r *KStream[K, R], w JoinWindow, fn func(L, *R) O, opts ...Option) *KStream[K, O] {
	return joinStreams(l, r, &streamJoin[K, L, R, O]{
		operator: "LeftJoinStreams", window: w, keepL: true,
		fn: func(_ K, l maybe[L], r maybe[R]) O { return fn(l.v, r.pointer()) },
	}, opts)
}

// LeftJoinStreamsKV is LeftJoinStreams with a function that also sees the key,
// which is the zero value for a null one.
func LeftJoinStreamsKV[K, L, R, O any](l *KStream[K, L], r *KStream[K, R], w JoinWindow, fn func(K, L, *R) O, opts ...Option) *KStream[K, O] {
	return joinStreams(l, r, &streamJoin[K, L, R, O]{
		operator: "LeftJoinStreamsKV", window: w, keepL: true,
		fn: func(k K, l maybe[L], r maybe[R]) O { return fn(k, l.v, r.pointer()) },
	}, opts)
}

// OuterJoinStreams is LeftJoinStreams that does the same for records of the right
// stream that no record of the left one is found for. At least one side is not
// nil.
func OuterJoinStreams[K, L, R, O any](l *KStream[K, L], r *KStream[K, R], w JoinWindow, fn func(*L, *R) O, opts ...Option) *KStream[K, O] {
	return joinStreams(l, r, &streamJoin[K, L, R, O]{
		operator: "OuterJoinStreams", window: w, keepL: true, keepR: true,
		fn: func(_ K, l maybe[L], r maybe[R]) O { return fn(l.pointer(), r.pointer()) },
	}, opts)
}

// OuterJoinStreamsKV is OuterJoinStreams with a function that also sees the key,
// which is the zero value for a null one.
func OuterJoinStreamsKV[K, L, R, O any](l *KStream[K, L], r *KStream[K, R], w JoinWindow, fn func(K, *L, *R) O, opts ...Option) *KStream[K, O] {
	return joinStreams(l, r, &streamJoin[K, L, R, O]{
		operator: "OuterJoinStreamsKV", window: w, keepL: true, keepR: true,
		fn: func(k K, l maybe[L], r maybe[R]) O { return fn(k, l.pointer(), r.pointer()) },
	}, opts)
}
