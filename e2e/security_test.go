package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"mm2/e2e"
	"mm2/internal/check"
)

// TestEncryptedTarget copies to a cluster that mm2 reaches by SASL_SSL with
// SCRAM only; the password comes from the environment.
func TestEncryptedTarget(t *testing.T) {
	a := alias{"open", cluster(t, "a")}
	security := e2e.NewSecurity(t)
	locked := e2e.StartFor(t, e2e.Options{Secure: security})
	a.CreateTopic(t, "tls-orders", 2)
	log := check.NewLog(nil)
	write(t, a.Cluster, log, check.Workload{Topic: "tls-orders", Limit: 1000})

	config := mesh(`
kind = "active-standby"
active = "open"
standby = "locked"
topics = ["tls-.*"]`, a) + fmt.Sprintf(`
[clusters.locked]
bootstrap = ["%s"]

[clusters.locked.security]
protocol = "SASL_SSL"
mechanism = "SCRAM-SHA-512"
username = "%s"
password = "${env:MM2_TEST_PASSWORD}"
ca = "%s"
`, strings.Join(locked.SecureBootstrap(), `", "`), security.User, security.CAFile)
	w := worker(t, "encrypted", config, "MM2_TEST_PASSWORD="+security.Password)
	finish(t, []*e2e.Worker{w}, watch(t, locked, log, "open.", "tls-orders"))
	if text := w.LogTail(1 << 20); strings.Contains(text, security.Password) {
		t.Error("the log shows the password")
	}
}
