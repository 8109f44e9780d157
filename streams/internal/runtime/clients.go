package runtime

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"mm2/internal/connection"
	"mm2/internal/kafka"
	"mm2/streams/internal/balancer"
	"mm2/streams/internal/settings"
)

// dialers make the clients. Each kind has its own connection, as settings may
// differ by prefix. A client's options come in this order, and later ones win:
// the settings', the user's own, and what the runtime relies on.
type dialers struct{ main, restore, global, producer, admin *kafka.Dialer }

func newDialers(c *Config) (d dialers, err error) {
	dial := func(to **kafka.Dialer, conn connection.Connection, own []kgo.Opt) {
		if err == nil {
			*to, err = kafka.NewDialer("home", conn, c.Logger, own...)
		}
	}
	s := &c.Settings
	dial(&d.main, s.Main.Connection, nil)
	dial(&d.restore, s.Restore.Connection, nil)
	dial(&d.global, s.Global.Connection, nil)
	dial(&d.producer, s.Producer.Connection, nil)
	dial(&d.admin, s.Admin, slices.Concat(c.Clients, c.Admin))
	return d, err
}

// own are the user's options of a kind of client.
func (a *App) own(kind []kgo.Opt) []kgo.Opt { return slices.Concat(a.cfg.Clients, kind) }

// clientID is Kafka Streams' name for a client.
func (a *App) clientID(role string) kgo.Opt {
	prefix := a.cfg.Settings.Connection.Client.ID
	if prefix == "" {
		prefix = a.cfg.Settings.ApplicationID + "-" + a.processID
	}
	return kgo.ClientID(prefix + "-" + role)
}

func (t *thread) clientID(role string) kgo.Opt {
	return t.app.clientID(fmt.Sprintf("StreamThread-%d-%s", t.number, role))
}

// newConsumer joins the group as soon as it is polled.
func (t *thread) newConsumer(bal *balancer.Balancer) (*kgo.Client, error) {
	s := &t.app.cfg.Settings
	// The newest versions name topics by id, and requests and answers that pass
	// through here do not.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(kmsg.OffsetCommit.Int16(), 9)
	versions.SetMaxKeyVersion(kmsg.OffsetFetch.Int16(), 9)
	opts := slices.Concat([]kgo.Opt{t.clientID("consumer"), kgo.MaxVersions(versions)}, s.Main.Opts(), s.Group.Opts(t.number), t.app.own(t.app.cfg.Consumer), []kgo.Opt{
		kgo.ConsumerGroup(s.ApplicationID), kgo.Balancers(bal), kgo.ConsumeTopics(t.app.layout.subscription()...),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		// Offsets of markers count: without them the end of a topic that is
		// written in transactions would never be reached.
		kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(resetOffset(s.OffsetReset, time.Now())),
		kgo.OnPartitionsAssigned(t.onAssigned), kgo.OnPartitionsRevoked(t.onRevoked), kgo.OnPartitionsLost(t.onLost),
		kgo.OnOffsetsFetched(t.onFetched), kgo.AdjustFetchOffsetsFn(t.onAdjust),
	})
	if t.app.layout.patterns && !t.app.layout.direct {
		opts = append(opts, kgo.ConsumeRegex())
	}
	return t.app.dial.main.Client("consumer", opts...)
}

func resetOffset(r settings.OffsetReset, now time.Time) kgo.Offset {
	switch r.Where {
	case settings.Latest:
		return kgo.NewOffset().AtEnd()
	case settings.None:
		return kgo.NoResetOffset()
	case settings.ByDuration:
		return kgo.NewOffset().AfterMilli(now.Add(-r.Back).UnixMilli())
	default:
		return kgo.NewOffset().AtStart()
	}
}

// newReaderClient reads partitions that are added to it.
func (t *thread) newReaderClient(cluster string) (*kgo.Client, error) {
	a := t.app
	dial, own := a.dial.main, a.own(nil)
	if cluster != "" {
		dial, own = a.remotes[cluster].dial.main, a.remotes[cluster].own(&a.cfg)
	}
	opts := slices.Concat([]kgo.Opt{t.clientID("source-consumer")}, a.settingsOf(cluster).Main.Opts(), own, []kgo.Opt{
		kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	})
	return dial.Client("source-consumer", opts...)
}

// transactionalID is Kafka Streams' own: a new process has new ones, and those
// of the old one expire.
func (t *thread) transactionalID() string {
	return fmt.Sprintf("%s-%s-%d", t.app.cfg.Settings.ApplicationID, t.app.processID, t.number)
}

func (t *thread) newProducerClient() (*kgo.Client, error) {
	s := &t.app.cfg.Settings
	// The client counts its delivery timeout from the time of a record, which
	// here may lie years back; settle bounds the wait instead.
	producer := s.Producer
	producer.DeliveryTimeout = 0
	set := producer.Opts()
	relied := []kgo.Opt{kgo.RecordPartitioner(newPartitioner())}
	switch {
	case t.app.cfg.exactlyOnce():
		// The newest version of the offset commit names topics by id, which a
		// producer does not know.
		versions, offsets := kversion.Stable(), int16(5)
		if !t.app.implicitAdd {
			offsets = 4
		}
		versions.SetMaxKeyVersion(kmsg.TxnOffsetCommit.Int16(), offsets)
		set = append(set, kgo.TransactionTimeout(s.Producer.TransactionTimeout))
		relied = append(relied, kgo.TransactionalID(t.transactionalID()), kgo.MaxVersions(versions))
	case s.Producer.Idempotent:
		relied = append(relied, kgo.StopProducerOnDataLossDetected())
	}
	opts := slices.Concat([]kgo.Opt{t.clientID("producer")}, set, t.app.own(t.app.cfg.Producer), relied)
	return t.app.dial.producer.Client("producer", opts...)
}

// newRestoreClient reads partitions that are added to it.
func (a *App) newRestoreClient(id kgo.Opt) (*kgo.Client, error) {
	opts := slices.Concat([]kgo.Opt{id}, a.cfg.Settings.Restore.Opts(), a.own(a.cfg.Restore), []kgo.Opt{
		kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	})
	return a.dial.restore.Client("restore-consumer", opts...)
}

// transactionVersion2 asks whether the cluster adds partitions and offsets to
// transactions by itself (KIP-890, part 2). It is asked for as a feature of the
// cluster: brokers speak the newer requests before they may be used.
func transactionVersion2(ctx context.Context, cl *kgo.Client) (bool, error) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "mm2", "1"
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return false, fmt.Errorf("ask for the features of the cluster: %w", err)
	}
	for _, f := range resp.FinalizedFeatures {
		if f.Name == "transaction.version" {
			return f.MaxVersionLevel >= 2, nil
		}
	}
	return false, nil
}
