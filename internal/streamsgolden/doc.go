// Package streamsgolden has the golden vectors of package streams and their
// topologies, written again in Go: what Kafka Streams 4.3.1 did, record by record,
// in its own test driver.
//
// [Load] reads a file of vectors and [Programs] are the topologies by file and
// case. Whoever runs one compares what it sent with a step's Out and Internal by
// [Case.Line], [InternalLine] and [ByPlace].
package streamsgolden
