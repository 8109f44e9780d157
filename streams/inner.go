package streams

import "time"

// inner is what the operators of this package know of the node that they run in,
// beside its context.
type inner interface {
	// throttle is how often a node looks for what is due by time; 0 looks always.
	throttle() time.Duration
	// failure is what forwarding has failed with: then the task stops, and nothing
	// more should be written to stores, whose changelogs may outlive it.
	failure() error
	// apart does a part of the work on a record that may fail by itself. The
	// processing handler decides about it, and the rest of the work is done if it
	// says to go on. The error is for the processor to return.
	apart(work func() error) error
}

func (n *processorNode[KI, VI, KO, VO]) failure() error { return n.failed }

func (n *processorNode[KI, VI, KO, VO]) apart(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = n.task.Panicked(n.name, p)
		}
	}()
	if err := work(); err != nil && n.failed == nil {
		return n.task.Failed(n.name, err)
	}
	return n.failed
}
