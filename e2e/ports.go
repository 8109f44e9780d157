package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports come from below the range that systems use for outgoing connections.
// A client's own connection could otherwise take the port of a broker that was
// killed and is about to start again.
const (
	firstPort = 20000
	lastPort  = 29999
)

// ports hands each port out once in a process.
type ports struct {
	mu    sync.Mutex
	taken map[int]bool
}

var processPorts = ports{taken: make(map[int]bool)}

// FreePort returns a TCP port of 127.0.0.1 that nobody listens on and that no
// other call in this process gets.
func FreePort(ctx context.Context) (int, error) { return processPorts.free(ctx) }

func (p *ports) free(ctx context.Context) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var listen net.ListenConfig
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if p.taken[port] {
			continue
		}
		l, err := listen.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("close port %d: %w", port, err)
		}
		p.taken[port] = true
		return port, nil
	}
	return 0, fmt.Errorf("no free port on 127.0.0.1 between %d and %d", firstPort, lastPort)
}
