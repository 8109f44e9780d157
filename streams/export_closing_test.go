package streams

import "time"

// WithWindows is t with windows that its keys lie in, each closed grace after the
// end that end gives; false is a window that stays open.
func WithWindows[K, V any](t *KTable[K, V], grace time.Duration, end func(k K) (time.Time, bool)) *KTable[K, V] {
	w := *t
	w.grace = grace
	w.closes = func(k K) (time.Time, bool) {
		at, ok := end(k)
		return at.Add(grace), ok
	}
	return &w
}
