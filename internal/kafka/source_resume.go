package kafka

import "mm2/internal/pipeline"

// Another tool may have copied a partition before us, or between two runs of
// ours. Where it stood counts if it is further on than our mark.

// further is where a partition goes on: at its own mark, or where
// SourceConfig.Resume says if that is further on. It tells whether it is the
// latter. A partition without a mark has Offset -1.
func (s *PartitionSource) further(a Assigned, m Mark) (Mark, bool) {
	offset, ok := s.resume[a.Partition]
	if !ok || offset <= m.Offset {
		return m, false
	}
	return Mark{Offset: offset, Epoch: -1, TopicID: topicID(a.TopicID)}, true
}

// note makes where a partition starts a mark at the next commit, so that the
// next owner does not look for another one.
func (s *PartitionSource) note(p pipeline.Partition, m Mark, urgent bool) {
	s.queue = append(s.queue, &pipeline.Batch{
		Source: p, Base: m.Offset, Limit: m.Offset, Next: pipeline.Marks{MarkKey(p): m.encode()}, Urgent: urgent,
	})
}
