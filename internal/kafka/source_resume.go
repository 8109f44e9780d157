package kafka

// further is where a partition goes on: at its own mark, or where another tool
// stood that copied it before us, or between two runs of ours, if that is
// further on.
func (s *PartitionSource) further(a Assigned, m Mark) Mark {
	offset, ok := s.others[a.Partition]
	if !ok || offset <= m.Offset {
		return m
	}
	s.cfg.Logger.Info("a partition goes on where another tool stood", "topic", a.Topic, "partition", a.Partition.Partition, "offset", offset, "own", m.Offset)
	m.Offset, m.Epoch = offset, -1
	return m
}
