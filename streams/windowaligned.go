package streams

// alignedNode aggregates tumbling and hopping windows.
type alignedNode[K, V, A any] struct{ timeNode[K, V, A] }

// Process implements Processor.
func (n *alignedNode[K, V, A]) Process(r Record[K, V]) error {
	if r.NullKey {
		dropped(n.ctx, "null key")
		return nil
	}
	at := r.Time.UnixMilli()
	n.see(at)
	n.closeWindows(r, false)
	if r.NullValue && n.op.fold.skipNull {
		dropped(n.ctx, "null value")
		return nil
	}
	closeTime, size := n.w.closeTime(n.streamTime), n.w.size.Milliseconds()
	taken := false
	for start := range n.w.starts(at) {
		if !n.w.open(start+size, closeTime) {
			continue
		}
		taken = true
		row, ok, err := n.store.Get(r.Key, millis(start))
		if err != nil {
			return err
		}
		if err := n.put(r, start, row, ok, ok); err != nil {
			return err
		}
	}
	if !taken {
		n.late(r)
	}
	return nil
}
