package runtime

import "context"

type global struct{}

func (a *App) startGlobal(soft, hard context.Context, start func(func() error)) error {
	a.mu.Lock()
	a.globalReady = true
	a.mu.Unlock()
	return nil
}

func (a *App) globalStore(string) (any, bool) { return nil, false }
