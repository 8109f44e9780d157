package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// virtual is a network in the caller's synctest bubble.
func virtual() network {
	var vnet kfake.VirtualNetwork
	return network{listen: vnet.Listen, ports: [2]int{9093, 9094}, dial: []kgo.Opt{kgo.Dialer(vnet.DialContext)}}
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

func TestRunDeliversEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		err := run(t.Context(), Config{Duration: 5 * time.Second, Rate: 200, Listen: "off", Out: &out}, virtual())
		if err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		want := regexp.MustCompile(`^produced (\d+)  delivered (\d+)  lost 0  duplicated 0  reordered 0  altered 0$`)
		got := want.FindStringSubmatch(lastLine(out.String()))
		if got == nil || got[1] != got[2] || len(got[1]) != 4 {
			t.Errorf("last line %q", lastLine(out.String()))
		}
		for _, flow := range []string{"on seoul is seoul.orders/0 at ", "on tokyo is tokyo.orders/0 at "} {
			if !strings.Contains(out.String(), flow) || strings.Count(out.String(), "same record yes (4 of 4 positions)") != 2 {
				t.Errorf("no position with %q:\n%s", flow, &out)
			}
		}
	})
}

// A record that mm2 did not copy must show in the result.
func TestRunFindsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtual()
		stranger, err := kgo.NewClient(append(n.dial, kgo.SeedBrokers("127.0.0.1:9094"), kgo.UnknownTopicRetries(-1))...)
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		var out bytes.Buffer
		done := make(chan error, 1)
		go func() {
			done <- run(t.Context(), Config{Duration: 5 * time.Second, Rate: 50, Listen: "off", Out: &out}, n)
		}()
		synctest.Wait() // the clusters listen
		if err := stranger.ProduceSync(t.Context(), &kgo.Record{Topic: "seoul.orders", Value: []byte("?")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, ErrDamaged) {
			t.Errorf("error %v", err)
		}
		if last := lastLine(out.String()); !strings.Contains(last, "lost 0") || !strings.HasSuffix(last, "  unexpected 1") {
			t.Errorf("last line %q", last)
		}
		if !strings.Contains(out.String(), "without an id") {
			t.Errorf("no example of the damage:\n%s", &out)
		}
	})
}

func TestRunEndsWithItsService(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := busy.Close(); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := run(t.Context(), Config{Duration: time.Hour, Rate: 50, Listen: busy.Addr().String(), Out: io.Discard}, virtual())
		if !errors.Is(err, errServiceEnded) || !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

func TestRunTellsWhenNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := run(t.Context(), Config{Duration: time.Second, Rate: 10, Listen: "off", Out: closedPipe{}}, virtual())
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("error %v", err)
		}
	})
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRunRefuses(t *testing.T) {
	for _, cfg := range []Config{{Rate: 1}, {Duration: 1}, {Duration: -1, Rate: -1}} {
		if err := run(t.Context(), cfg, virtual()); err == nil || !strings.Contains(err.Error(), "must be positive") {
			t.Errorf("%+v: error %v", cfg, err)
		}
	}
}

func TestRunStopsEarlyAndStillChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		var out bytes.Buffer
		err := run(ctx, Config{Duration: time.Hour, Rate: 50, Keep: true, Listen: "off", Out: &out}, virtual())
		if err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		if strings.Contains(out.String(), "kcat") {
			t.Error("stays up although asked to stop")
		}
		if !strings.HasPrefix(lastLine(out.String()), "produced 4") {
			t.Errorf("last line %q", lastLine(out.String()))
		}
	})
}

func TestRunStaysUpWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n := virtual()
		visitor, err := kgo.NewClient(append(n.dial, kgo.SeedBrokers("127.0.0.1:9094"), kgo.ConsumeTopics("seoul.orders"),
			kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))...)
		if err != nil {
			t.Fatal(err)
		}
		defer visitor.Close()
		var out bytes.Buffer
		done := make(chan error, 1)
		go func() {
			done <- run(ctx, Config{Duration: 2 * time.Second, Rate: 50, Keep: true, Listen: "off", Out: &out}, n)
		}()
		<-time.After(30 * time.Second)
		if got := visitor.PollFetches(t.Context()); got.Err() != nil || got.NumRecords() == 0 {
			t.Errorf("%d records, error %v", got.NumRecords(), got.Err())
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"seoul   bootstrap localhost:9093", "kcat -b localhost:9093 -C -t tokyo.orders -o beginning -c 3"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing:\n%s", want, &out)
			}
		}
		if strings.Count(out.String(), lastLine(out.String())) != 2 {
			t.Errorf("want the result before and after the stay:\n%s", &out)
		}
	})
}
