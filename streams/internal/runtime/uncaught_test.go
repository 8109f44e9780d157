package runtime_test

import (
	"errors"
	"strings"
	"testing"

	"mm2/streams"
	"mm2/streams/state"
)

// TestUserHandlersPanic has the functions panic that decide about errors. The
// instance ends with an error that has both causes.
func TestUserHandlersPanic(t *testing.T) {
	broken := errors.New("broken")
	fail := func(rec streams.Record[string, string]) error { return broken }
	for _, c := range []struct {
		name, want string
		change     func(*streams.Config)
	}{
		{"OnProcessError", "panic: handler", func(c *streams.Config) {
			c.OnProcessError = func(streams.Failure) streams.Response { panic("handler") }
		}},
		{"OnUncaught", "OnUncaught, which was asked about it, panicked: uncaught", func(c *streams.Config) {
			c.OnUncaught = func(error) streams.Reaction { panic("uncaught") }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inRig(t, func(t *testing.T, r *rig) {
				r.cluster.Create(t, "in", 1)
				r.cluster.Create(t, "out", 1)
				a := r.start("a", counting(t, false, fail, state.InMemory()), c.change)
				r.running(a)
				r.cluster.Produce(t, record("in", 0, "k", "bad"))
				<-a.done
				if err := a.end(); !errors.Is(err, broken) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("Run gave %v", err)
				}
			})
		})
	}
}
