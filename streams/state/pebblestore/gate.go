package pebblestore

import "sync"

// gate lets calls in until it is closed, and Close wait for those inside. A
// lock for readers would not do: a scan's loop may read, and a reader that
// comes while a writer waits would wait for it for ever.
type gate struct {
	mu     sync.Mutex
	empty  sync.Cond
	inside int
	shut   bool
}

func (g *gate) init() { g.empty.L = &g.mu }

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.inside == 0 {
		g.empty.Broadcast()
	}
}

func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// close lets nobody in any more and waits until all have left. Only the first
// call gives true.
func (g *gate) close() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.shut = true
	for g.inside > 0 {
		g.empty.Wait()
	}
	return true
}
