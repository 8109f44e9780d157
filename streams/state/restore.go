package state

import "fmt"

// restoreSegmented applies a changelog record of a window or session store: what
// Put and Delete did when they wrote it. Of rows that were hidden since, the
// record is still there until the topic's own retention takes it; they are left
// out.
func restoreSegmented(rows Rows, spec Spec, ms int64, sequence uint32, key, row []byte, deleted bool) error {
	if ms < 0 {
		return fmt.Errorf("its time %d is negative", ms)
	}
	s, err := newSegmented(rows, newTimeline(spec))
	if err != nil {
		return err
	}
	changed := spec.Duplicates && s.sawSequence(sequence)
	if !deleted {
		moved, err := s.advance(ms)
		if err != nil {
			return err
		}
		changed = changed || moved
	}
	if changed {
		if err := s.save(); err != nil {
			return err
		}
	}
	rowKey := append(s.appendSegment(make([]byte, 0, segmentLen+len(key)), ms), key...)
	switch {
	case deleted:
		return rows.Delete(rowKey)
	case s.visible(ms):
		return rows.Put(rowKey, row)
	default:
		return nil
	}
}
