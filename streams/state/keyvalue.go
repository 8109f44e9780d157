package state

import (
	"bytes"
	"iter"
)

// keyValue has a row for each key: the key's bytes, and the value.
type keyValue[K, W any] struct {
	base[K, W]
}

// at is the row key of k, valid until the next call.
func (s *keyValue[K, W]) at(k K) ([]byte, error) {
	key, err := s.appendKey(s.buf[:0], k)
	if err != nil {
		return nil, err
	}
	s.buf = key
	return key, nil
}

func (s *keyValue[K, W]) Get(k K) (v W, ok bool, err error) {
	key, err := s.at(k)
	if err == nil {
		v, ok, err = s.get(key)
	}
	if err != nil {
		return v, false, s.wrap("read", err)
	}
	return v, ok, nil
}

func (s *keyValue[K, W]) Put(k K, v W) error {
	key, err := s.at(k)
	if err == nil {
		err = s.put(key, v)
	}
	if err != nil {
		return s.wrap("write to", err)
	}
	return nil
}

func (s *keyValue[K, W]) put(key []byte, v W) error {
	if s.values.isNil(v) {
		return s.remove(key)
	}
	row, err := s.row(v)
	if err != nil {
		return err
	}
	if err := s.env.Rows.Put(key, row); err != nil {
		return err
	}
	return s.logRow(key, row)
}

// remove logs the deletion of a key that has no row too: a reader of the
// changelog may know more keys than this store.
func (s *keyValue[K, W]) remove(key []byte) error {
	if err := s.env.Rows.Delete(key); err != nil {
		return err
	}
	return s.logDelete(key)
}

func (s *keyValue[K, W]) PutIfAbsent(k K, v W) (old W, present bool, err error) {
	key, err := s.at(k)
	if err == nil {
		old, present, err = s.get(key)
	}
	if err == nil && !present {
		err = s.put(key, v)
	}
	if err != nil {
		return old, false, s.wrap("write to", err)
	}
	return old, present, nil
}

func (s *keyValue[K, W]) Delete(k K) (old W, present bool, err error) {
	key, err := s.at(k)
	if err == nil {
		old, present, err = s.get(key)
	}
	if err == nil {
		err = s.remove(key)
	}
	if err != nil {
		return old, false, s.wrap("delete from", err)
	}
	return old, present, nil
}

func (s *keyValue[K, W]) Range(from, to K) iter.Seq2[K, W] { return s.between(from, to, false) }

func (s *keyValue[K, W]) RangeReverse(from, to K) iter.Seq2[K, W] { return s.between(from, to, true) }
func (s *keyValue[K, W]) All() iter.Seq2[K, W]                    { return s.scan(nil, nil, false) }
func (s *keyValue[K, W]) AllReverse() iter.Seq2[K, W]             { return s.scan(nil, nil, true) }
func (s *keyValue[K, W]) ApproxLen() int64                        { return s.env.Rows.ApproxLen() }

func (s *keyValue[K, W]) between(from, to K, reverse bool) iter.Seq2[K, W] {
	return func(yield func(K, W) bool) {
		var low, high []byte
		var err error
		if !s.keys.isNil(from) {
			if low, err = s.appendKey(nil, from); err != nil {
				s.fail(err)
				return
			}
		}
		if !s.keys.isNil(to) {
			if high, err = s.appendKey(nil, to); err != nil {
				s.fail(err)
				return
			}
			high = append(high, 0) // the next key after it: the end is included
		}
		if high != nil && bytes.Compare(low, high) >= 0 {
			return
		}
		s.scan(low, high, reverse)(yield)
	}
}

func (s *keyValue[K, W]) scan(from, to []byte, reverse bool) iter.Seq2[K, W] {
	return func(yield func(K, W) bool) {
		for row, err := range s.env.Rows.Scan(from, to, reverse) {
			if err != nil {
				s.fail(err)
				return
			}
			k, v, err := s.pair(row.Key, row.Value)
			if err != nil {
				s.fail(err)
				return
			}
			if !yield(k, v) {
				return
			}
		}
	}
}

func restoreKeyValue(rows Rows, key, row []byte, deleted bool) error {
	if deleted {
		return rows.Delete(key)
	}
	return rows.Put(key, row)
}
