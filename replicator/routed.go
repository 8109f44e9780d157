package replicator

import (
	"fmt"
	"maps"
	"slices"

	"mm2/topology"
)

// routed are the topics that stages may send records of the wanted ones to. Each
// gets as many partitions as the largest topic that leads there, because a record
// keeps the number of its partition.
func (d *discovery) routed(want []WantedTopic) []WantedTopic {
	if d.routes == nil {
		return nil
	}
	all := map[string]WantedTopic{}
	for _, w := range want { // in the order of names: the first gives the configs
		for _, target := range d.routes(w.Source) {
			r, known := all[target]
			if !known {
				r = WantedTopic{Source: w.Source, Target: target, Routed: true}
			}
			r.Partitions = max(r.Partitions, w.Partitions)
			if d.forbidden(target) == nil {
				all[target] = r
			}
		}
	}
	var out []WantedTopic
	for _, target := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[target])
	}
	return out
}

// forbidden says why no record may be routed to a topic: others read what is
// there as their own state.
func (d *discovery) forbidden(target string) error {
	p := d.flow.Policy
	if topology.IsReserved(target) || p.IsInternalTopic(target) || p.IsHeartbeatsTopic(target) || p.IsCheckpointsTopic(target) {
		return fmt.Errorf("its records would be routed to %s, which is a topic of mm2 or of MirrorMaker 2", target)
	}
	return nil
}

// lead adds to a source topic what its records may be sent to. It is copied as far
// as all of these topics can take its partitions: a record has one place, and
// without it the partition would have to be parked.
func (d *discovery) lead(f *found, w WantedTopic, targets map[string]TargetTopic, snap *snapshot) {
	if d.routes == nil {
		return
	}
	for _, target := range d.routes(w.Source) {
		t := targets[WantedTopic{Target: target, Routed: true}.Key()]
		if err := d.forbidden(target); err != nil {
			t.Err = err
		}
		if t.Err != nil && f.err == nil {
			f.err = fmt.Errorf("topic %s, which its records may be routed to: %w", target, t.Err)
		}
		f.partitions = min(f.partitions, t.Partitions)
		f.routes = append(f.routes, target)
		snap.limits[target] = t.MaxBatchBytes
		snap.largest = max(snap.largest, t.MaxBatchBytes)
	}
}
