package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"mm2/internal/backoff"
	"mm2/internal/kafka"
	"mm2/streams/internal/assign"
	"mm2/streams/internal/balancer"
	"mm2/streams/internal/task"
)

// keepThread runs incarnations of a thread until soft ends or one fails for
// good.
func (a *App) keepThread(soft, hard context.Context, number int) error {
	pause := backoff.Backoff{First: 100 * time.Millisecond, Max: 10 * time.Second}
	log := a.log.With("thread", number)
	since := time.Now() // of the last commit, or the start
	for {
		err := a.runThread(soft, hard, number, func() { since = time.Now(); pause.Reset() })
		a.ready(number, false)
		if soft.Err() != nil {
			if err != nil && classify(err) != uncaught {
				log.Warn("the thread ended without its last commit; what it did since is done again", "err", err)
				return nil
			}
			return err
		}
		what := classify(err)
		if what == again && time.Since(since) > a.cfg.Settings.TaskTimeout {
			err = fmt.Errorf("no commit for %v: %w", a.cfg.Settings.TaskTimeout, err)
			what = uncaught
		}
		switch what {
		case migrated:
			log.Info("tasks moved to another owner; the thread joins the group again", "err", err)
		case again:
			log.Warn("the thread starts again from what was committed", "err", kafka.Explain(err))
		case refused:
			return err
		case uncaught:
			a.metrics.failedThreads.Inc()
			if stop := a.uncaught(log, err); stop != nil {
				return stop
			}
		}
		if !backoff.Sleep(soft, pause.Next()) {
			return nil
		}
	}
}

// askUncaught asks a function of the user, which may panic: that stops the
// instance, and the error says so.
func askUncaught(ask func(error) Reaction, failed error) (reaction Reaction, err error) {
	defer func() {
		if p := recover(); p != nil {
			reaction, err = StopInstance, fmt.Errorf("%w; and OnUncaught, which was asked about it, panicked: %v", failed, p)
		}
	}()
	return ask(failed), failed
}

// uncaught asks the user about an error. What it gives stops the instance.
func (a *App) uncaught(log *slog.Logger, err error) (stop error) {
	reaction := StopInstance
	if a.cfg.OnUncaught != nil {
		reaction, err = askUncaught(a.cfg.OnUncaught, err)
	}
	switch reaction {
	case ReplaceThread:
		log.Error("the thread failed and is replaced", "err", err)
		return nil
	case StopApplication:
		log.Error("the thread failed; all instances of the application are asked to stop", "err", err)
		// The next incarnation tells the leader, whose answer stops it.
		a.stopAll.Store(true)
		return nil
	default:
		log.Error("the thread failed; the instance stops", "err", err)
		return err
	}
}

// runThread runs one incarnation.
func (a *App) runThread(soft, hard context.Context, number int, progress func()) (err error) {
	none, cancel := context.WithCancel(context.Background())
	cancel()
	t := &thread{
		app: a, number: number, log: a.log.With("thread", number), hard: hard, none: none, n: 1, progress: progress,
		tasks: make(map[task.ID]*owned), fetched: make(map[tp]start), starts: make(map[tp]start), lastCommit: time.Now(), lastPurge: time.Now(),
	}
	if err := t.open(); err != nil {
		return errors.Join(err, t.close(err))
	}
	a.enter(t)
	defer a.leave(t)
	for err == nil && soft.Err() == nil {
		err = t.round(soft)
	}
	return errors.Join(err, t.close(err))
}

func (t *thread) open() (err error) {
	s := &t.app.cfg.Settings
	t.bal, err = balancer.New(balancer.Config{
		Assign:   assign.Config{MaxWarmups: s.MaxWarmupReplicas, ProbingInterval: s.ProbingInterval, AcceptableLag: s.AcceptableRecoveryLag},
		Metadata: t.metadata, Plan: t.app.lead, PlanTimeout: max(s.Group.RebalanceTimeout/2, time.Second), OnAssignment: t.onAssignment,
	})
	if err != nil {
		return err
	}
	client, err := t.newProducerClient()
	if err != nil {
		return err
	}
	t.out = newProducer(client, t.app.cfg.exactlyOnce())
	if err := t.openAway(); err != nil {
		return err
	}
	if t.out.txns {
		// Fences whoever has this transactional id, and waits until its last
		// transaction has ended: positions that are read after it are final.
		if _, _, err := client.ProducerID(t.hard); err != nil {
			return fmt.Errorf("initialize transactional id %s: %w", t.transactionalID(), fromBroker(err))
		}
	}
	restoreClient, err := t.app.newRestoreClient(t.clientID("restore-consumer"))
	if err != nil {
		return err
	}
	t.restore = newRestorer(t.app, restoreClient, t.log)
	t.restore.start(t.hard)
	if err := t.openReaders(); err != nil {
		return err
	}
	t.mu.Lock() // callbacks come as soon as there is a consumer
	defer t.mu.Unlock()
	t.consumer, err = t.newConsumer(t.bal)
	return err
}

// close ends the incarnation: cleanly after a round without an error, or when the
// group asked it to end, and dirtily otherwise.
func (t *thread) close(failed error) error {
	ctx, cancel := context.WithTimeout(t.hard, t.app.cfg.CloseTimeout)
	defer cancel()
	var errs []error
	t.mu.Lock()
	if t.out != nil && (failed == nil || classify(failed) == refused) {
		if failed = t.failure(); failed == nil {
			failed = t.commit(ctx)
		}
		errs = append(errs, failed)
	}
	if failed != nil && t.out != nil {
		// At-least-once has nothing to abort, and whatever is not sent is sent
		// again.
		if t.out.inTxn {
			t.app.metrics.tasks.abortedBy(failed)
		}
		if err := t.out.abort(ctx); err != nil {
			t.log.Debug("the transaction is left to the next owner of its id", "err", err)
		}
	}
	for _, o := range t.sorted() {
		errs = append(errs, t.end(o))
	}
	t.closed = true
	t.mu.Unlock()
	t.closeReaders()
	if t.restore != nil {
		t.restore.close()
	}
	if t.bal != nil {
		t.bal.Close()
	}
	if t.consumer != nil {
		t.consumer.AllowRebalance()
		if t.app.cfg.Settings.Group.InstanceID == "" {
			leave, cancel := context.WithTimeout(t.hard, leaveTimeout)
			// A member that cannot say good-bye is missed after its session.
			if err := t.consumer.LeaveGroupContext(leave); err != nil {
				t.log.Debug("the group was not left", "err", err)
			}
			cancel()
		}
		t.consumer.CloseAllowingRebalance()
	}
	t.purges.Wait()
	if t.out != nil {
		t.out.client.Close()
		t.out.closeAway()
	}
	return errors.Join(errs...)
}

const leaveTimeout = 5 * time.Second
