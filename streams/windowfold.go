package streams

// fold is how an aggregation of windows takes in values. The bool beside an
// aggregate says whether there is one.
type fold[K, V, A any] struct {
	start func() (A, bool)
	add   func(k K, v V, agg A, ok bool) (A, bool)
	merge func(k K, a A, ok bool, b A) (A, bool) // of two sessions; b is one
	// skipNull: add has no way to see a null value.
	skipNull bool
}

func countFold[K, V any]() fold[K, V, int64] {
	return fold[K, V, int64]{
		start: func() (int64, bool) { return 0, true },
		add:   func(_ K, _ V, n int64, _ bool) (int64, bool) { return n + 1, true },
		merge: func(_ K, a int64, _ bool, b int64) (int64, bool) { return a + b, true },
	}
}

func reduceFold[K, V any](fn func(agg, v V) V) fold[K, V, V] {
	isNil := nullsOf[K, V]().value
	take := func(v V) (V, bool) { return v, isNil == nil || !isNil(v) }
	return fold[K, V, V]{
		start: func() (none V, _ bool) { return none, false },
		add: func(_ K, v, agg V, ok bool) (V, bool) {
			if !ok {
				return take(v)
			}
			return take(fn(agg, v))
		},
		merge: func(_ K, a V, ok bool, b V) (V, bool) {
			if !ok {
				return take(b)
			}
			return take(fn(a, b))
		},
		skipNull: isNil == nil,
	}
}

// aggregateFold is that of an aggregate of another type; merge is nil where no
// windows are merged.
func aggregateFold[K, V, A any](init func() A, fn func(k K, v V, agg A) A, merge func(k K, a, b A) A) fold[K, V, A] {
	isNil := nullsOf[K, A]().value
	take := func(a A) (A, bool) { return a, isNil == nil || !isNil(a) }
	return fold[K, V, A]{
		start:    func() (A, bool) { return take(init()) },
		add:      func(k K, v V, agg A, _ bool) (A, bool) { return take(fn(k, v, agg)) },
		merge:    func(k K, a A, _ bool, b A) (A, bool) { return take(merge(k, a, b)) },
		skipNull: nullsOf[K, V]().value == nil,
	}
}
