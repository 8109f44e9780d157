package kafka

import (
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Traffic is what went over the connections of all clients that had one id, in
// bytes as they were sent, requests and answers of any kind.
type Traffic struct{ In, Out int64 }

// traffic is a hook that counts.
type traffic struct{ in, out atomic.Int64 }

var (
	_ kgo.HookBrokerRead  = (*traffic)(nil)
	_ kgo.HookBrokerWrite = (*traffic)(nil)
)

func (t *traffic) OnBrokerRead(_ kgo.BrokerMetadata, _ int16, bytesRead int, _, _ time.Duration, _ error) {
	t.in.Add(int64(bytesRead))
}

func (t *traffic) OnBrokerWrite(_ kgo.BrokerMetadata, _ int16, bytesWritten int, _, _ time.Duration, _ error) {
	t.out.Add(int64(bytesWritten))
}

// Traffic is that of the clients with the given role so far, those that were
// closed included.
func (d *Dialer) Traffic(role string) Traffic {
	t := d.counted(role)
	return Traffic{In: t.in.Load(), Out: t.out.Load()}
}

// counted is the counter of a role. Roles are few: they name parts of mm2 and
// lanes, not what is copied.
func (d *Dialer) counted(role string) *traffic {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.traffic[role]
	if !ok {
		t = &traffic{}
		d.traffic[role] = t
	}
	return t
}
