package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Build builds mm2 into a directory and returns the path of the binary.
func Build(ctx context.Context, dir string) (string, error) {
	return BuildCommand(ctx, dir, "mm2/cmd/mm2")
}

// BuildCommand does the same with a command that a package path names.
func BuildCommand(ctx context.Context, dir, command string) (string, error) {
	binary := filepath.Join(dir, path.Base(command))
	args := []string{"build", "-o", binary}
	if os.Getenv(envRace) == "1" {
		args = append(args, "-race")
	}
	out, err := exec.CommandContext(ctx, "go", append(args, command)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", command, err, out)
	}
	return binary, nil
}

// Worker is one mm2 process.
type Worker struct {
	// Listen is the address of its HTTP server.
	Listen string

	name    string
	command *exec.Cmd
	log     *os.File
	ended   chan struct{} // closed when the process ended
	result  error         // of the process; read after ended
}

// Job says how to run mm2.
type Job struct {
	Binary string
	Name   string   // of the worker, in messages and file names
	Config string   // contents of the configuration file
	Suffix string   // of the file: ".toml" (default) or ".properties"
	Args   []string // on top of "run -c FILE --listen ADDRESS"
	Env    []string // on top of the test's own
}

// Run starts a worker. It is killed at the end of the test if it still runs, and
// the end of its log is shown if the test failed.
func Run(t testing.TB, job Job) *Worker {
	t.Helper()
	port, err := FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	listen := "127.0.0.1:" + strconv.Itoa(port)
	if job.Suffix == "" {
		job.Suffix = ".toml"
	}
	dir := t.TempDir()
	file := filepath.Join(dir, job.Name+job.Suffix)
	if err := os.WriteFile(file, []byte(job.Config), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"run", "-c", file, "--listen", listen}, job.Args...)
	w := Program(t, job.Name, job.Env, job.Binary, args...)
	w.Listen = listen
	return w
}

// Program starts any program as a Worker that serves no HTTP. Env is added to the
// test's own environment. It ends with the test as [Run] says.
func Program(t testing.TB, name string, env []string, binary string, args ...string) *Worker {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	w := &Worker{name: name, log: log, ended: make(chan struct{})}
	// The worker outlives the context of the test: cleaning up is ours, and a
	// kill by context would look like a fault that no test asked for.
	w.command = exec.CommandContext(context.WithoutCancel(t.Context()), binary, args...)
	w.command.Env = append(os.Environ(), env...)
	w.command.Stdout, w.command.Stderr = log, log
	if err := w.command.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(w.ended)
		w.result = w.command.Wait()
	}()
	t.Cleanup(func() { w.cleanUp(t) })
	return w
}

func (w *Worker) cleanUp(t testing.TB) {
	if err := w.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("kill %s: %v", w.name, err)
	}
	<-w.ended
	if t.Failed() {
		t.Logf("--- %s, last lines of its log\n%s", w.name, w.LogTail(60))
	}
	if err := w.log.Close(); err != nil {
		t.Error(err)
	}
}

// LogTail is the end of what the worker printed.
func (w *Worker) LogTail(lines int) string {
	text, err := os.ReadFile(w.log.Name())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Signal sends a signal: SIGSTOP and SIGCONT pause and resume the worker.
func (w *Worker) Signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := w.command.Process.Signal(signal); err != nil {
		t.Fatalf("send %v to %s: %v", signal, w.name, err)
	}
}

// Kill9 ends the worker with SIGKILL and returns when it is gone.
func (w *Worker) Kill9(t testing.TB) {
	t.Helper()
	w.Signal(t, syscall.SIGKILL)
	<-w.ended
}

// Stop asks the worker to end with SIGTERM and fails the test unless it does so
// within the timeout and with exit code 0.
func (w *Worker) Stop(t testing.TB, timeout time.Duration) {
	t.Helper()
	w.Signal(t, syscall.SIGTERM)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-w.ended:
		if w.result != nil {
			t.Errorf("%s after SIGTERM: %v", w.name, w.result)
		}
	case <-timer.C:
		t.Errorf("%s does not end within %v of SIGTERM", w.name, timeout)
		w.Kill9(t)
	}
}

// CPUSoFar is the CPU time that a running worker has used.
func (w *Worker) CPUSoFar(t testing.TB) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	const ticks = 100 // a second, as Linux tells all programs
	// Behind the name, which may hold anything: user and system time are the 12th
	// and 13th field.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var sum int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatalf("/proc/PID/stat: %v", err)
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks
}

// CPU is the CPU time of a worker that ended.
func (w *Worker) CPU() time.Duration {
	<-w.ended
	return w.command.ProcessState.UserTime() + w.command.ProcessState.SystemTime()
}

// Peak is the most memory that a running worker has had, in bytes. What the
// system tells of an ended process would include the memory of its parent.
func (w *Worker) Peak(t testing.TB) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		t.Fatal("no VmHWM in /proc/PID/status")
	}
	kb, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// Alive is nil while the process runs. Once it ended, [Until] need not wait.
func (w *Worker) Alive() error {
	select {
	case <-w.ended:
		return Hopeless("%s ended: %v\n%s", w.name, w.result, w.LogTail(20))
	default:
		return nil
	}
}

// Ready waits until /readyz answers 200.
func (w *Worker) Ready(t testing.TB, timeout time.Duration) {
	t.Helper()
	Until(t, timeout, w.name+" is ready", func(ctx context.Context) error {
		if err := w.Alive(); err != nil {
			return err
		}
		_, err := w.read(ctx, "/readyz")
		return err
	})
}

// Status decodes /api/v1/status into a value.
func (w *Worker) Status(ctx context.Context, into any) error {
	body, err := w.read(ctx, "/api/v1/status")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("status of %s: %w", w.name, err)
	}
	return nil
}

// Metrics are the samples of /metrics, by name with labels as exposed, and for
// each name also the sum over its labels.
func (w *Worker) Metrics(ctx context.Context) (map[string]float64, error) {
	body, err := w.read(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	samples := make(map[string]float64)
	lines := bufio.NewScanner(strings.NewReader(string(body)))
	for lines.Scan() {
		line := lines.Text()
		space := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || space < 0 {
			continue
		}
		value, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics of %s: %q: %w", w.name, line, err)
		}
		sample := line[:space]
		samples[sample] += value
		if name, _, labelled := strings.Cut(sample, "{"); labelled {
			samples[name] += value
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("metrics of %s: %w", w.name, err)
	}
	return samples, nil
}

func (w *Worker) read(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.Listen+path, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.name, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.name, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: read %s: %w", w.name, path, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s answers %s: %s", w.name, path, response.Status, strings.TrimSpace(string(body)))
	}
	return body, nil
}
