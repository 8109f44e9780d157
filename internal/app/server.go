package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// server is the HTTP side: metrics, health and status. It only looks.
type server struct {
	http     *http.Server
	listener net.Listener
}

// newServer listens at once, so that an address in use fails the start; nil if
// HTTP is switched off.
func (a *App) newServer(ctx context.Context) (*server, error) {
	addr := a.cfg.Service.Listen
	if addr == "" || addr == "off" {
		return nil, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP on %s: %w; choose another address with listen in [service] or --listen, or \"off\"", addr, err)
	}
	a.mu.Lock()
	a.listen = l.Addr().String()
	a.mu.Unlock()
	return &server{listener: l, http: &http.Server{
		Handler: a.Handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(a.logger.Handler(), slog.LevelDebug),
	}}, nil
}

func (s *server) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if s.http.Shutdown(end) != nil {
			_ = s.http.Close() // slow readers do not hold up the end
		}
	})
	defer stop()
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// Handler serves /metrics, /healthz, /readyz and /api/v1/status.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{Registry: a.registry}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false) // flows are written A->B
		if err := enc.Encode(a.Status()); err != nil {
			a.logger.Debug("write status", "err", err) // the client is gone
		}
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		text(w, http.StatusOK, "mm2\n\n/api/v1/status\n/metrics\n/healthz\n/readyz\n")
	})
	return mux
}

// ready is 200 once every flow of this worker takes part in its group; until
// then it says which do not, and why.
func (a *App) ready(w http.ResponseWriter, _ *http.Request) {
	var waiting []string
	for _, f := range a.Status().Flows {
		if !f.Joined {
			waiting = append(waiting, strings.TrimSuffix(fmt.Sprintf("%s: %s: %s", f.Flow, f.State, strings.Join(f.Problems, "; ")), ": "))
		}
	}
	if len(waiting) > 0 {
		text(w, http.StatusServiceUnavailable, "not ready\n"+strings.Join(waiting, "\n")+"\n")
		return
	}
	text(w, http.StatusOK, "ready\n")
}

func text(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body)) // the client is gone
}
