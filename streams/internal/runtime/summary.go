package runtime

import (
	"context"

	"mm2/internal/backoff"
)

// summarize writes a line now and then that says what the instance did.
func (a *App) summarize(ctx context.Context) {
	every := a.cfg.Settings.SummaryInterval
	for every > 0 && backoff.Sleep(ctx, every) {
		m := a.metrics.tasks
		a.log.Info("summary", "records", m.records.Swap(0), "punctuations", m.punctuations.Swap(0), "commits", m.commitCount.Swap(0), "interval", every.String())
	}
}
