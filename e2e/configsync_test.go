package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/e2e"
	"mm2/internal/check"
)

// authorizing brokers keep ACLs and let everybody do everything all the same.
var authorizing = e2e.Options{Config: map[string]string{
	"authorizer.class.name":          "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
	"super.users":                    "User:ANONYMOUS",
	"allow.everyone.if.no.acl.found": "true",
}}

// TestConfigsAndACLsFollow changes topic configs, partitions and ACLs on the
// source and, where it should not last, on the target.
func TestConfigsAndACLsFollow(t *testing.T) {
	a, b := alias{"cs_a", e2e.StartFor(t, authorizing)}, alias{"cs_b", e2e.StartFor(t, authorizing)}
	a.CreateTopic(t, "cs-orders", 2, "retention.ms", "3600000", "segment.ms", "60000000")
	log := check.NewLog(nil)
	write(t, a.Cluster, log, check.Workload{Topic: "cs-orders", Limit: 100})
	const interval = 2 * time.Second
	w := worker(t, "configsync", mesh(`
kind = "active-standby"
active = "cs_a"
standby = "cs_b"
topics = ["cs-.*"]
discovery_interval = "1s"
config_sync = { interval = "2s" }`, a, b))
	arrived := watch(t, b.Cluster, log, "cs_a.", "cs-orders")
	arrived.all(t, w)
	arrives := func(what string, holds func(context.Context) error) {
		t.Helper()
		began := time.Now()
		e2e.Until(t, arrivesIn, what, holds)
		t.Logf("%s after %v, %.1f intervals", what, time.Since(began).Round(time.Millisecond), time.Since(began).Seconds()/interval.Seconds())
	}

	setConfig(t, a.Cluster, "cs-orders", "retention.ms", "7200000")
	arrives("a changed config", configIs(t, b.Cluster, "cs_a.cs-orders", "retention.ms", "7200000"))
	deleteConfig(t, a.Cluster, "cs-orders", "retention.ms")
	arrives("a deleted config", configIs(t, b.Cluster, "cs_a.cs-orders", "retention.ms", ""))
	setConfig(t, b.Cluster, "cs_a.cs-orders", "segment.ms", "70000000")
	arrives("a foreign value is put back", configIs(t, b.Cluster, "cs_a.cs-orders", "segment.ms", "60000000"))
	setConfig(t, b.Cluster, "cs_a.cs-orders", "max.message.bytes", "2000000")
	arrives("a foreign override is taken back", configIs(t, b.Cluster, "cs_a.cs-orders", "max.message.bytes", ""))
	setConfig(t, b.Cluster, "cs_a.cs-orders", "min.insync.replicas", "1")

	if _, err := a.Admin(t).UpdatePartitions(t.Context(), 5, "cs-orders"); err != nil {
		t.Fatal(err)
	}
	arrives("partition growth", func(ctx context.Context) error {
		topics, err := b.Admin(t).ListTopics(ctx, "cs_a.cs-orders")
		if err != nil {
			return err
		}
		if n := len(topics["cs_a.cs-orders"].Partitions); n != 5 {
			return fmt.Errorf("it has %d", n)
		}
		return nil
	})

	for _, op := range []kmsg.ACLOperation{kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationAll} {
		createACL(t, a.Cluster, fmt.Sprintf("User:%s", op), "cs-orders", op)
	}
	arrives("ACLs", aclsAre(t, b.Cluster, "cs_a.cs-orders", "User:ALL allow READ", "User:READ allow READ"))
	createACL(t, b.Cluster, "User:local", "cs_a.cs-orders", kmsg.ACLOperationRead)
	deleteACL(t, a.Cluster, "User:READ", "cs-orders")
	arrives("a removed ACL, and nobody else's", aclsAre(t, b.Cluster, "cs_a.cs-orders", "User:ALL allow READ", "User:local allow READ"))
	if err := configIs(t, b.Cluster, "cs_a.cs-orders", "min.insync.replicas", "1")(t.Context()); err != nil {
		t.Errorf("an excluded config was touched: %v", err)
	}
	finish(t, []*e2e.Worker{w}, arrived)
}

// TestDriftIsReported leaves a foreign change alone and says so.
func TestDriftIsReported(t *testing.T) {
	a, b := alias{"dr_a", cluster(t, "a")}, alias{"dr_b", cluster(t, "b")}
	a.CreateTopic(t, "dr-orders", 1, "retention.ms", "3600000")
	config := mesh(`
kind = "active-standby"
active = "dr_a"
standby = "dr_b"
topics = ["dr-.*"]
config_sync = { interval = "1s", mode = "report" }`, a, b)
	w := worker(t, "drift", config)
	e2e.Until(t, arrivesIn, "the copy is made", configIs(t, b.Cluster, "dr_a.dr-orders", "retention.ms", "3600000"))
	setConfig(t, b.Cluster, "dr_a.dr-orders", "retention.ms", "1800000")
	e2e.Until(t, arrivesIn, "drift is reported", func(ctx context.Context) error {
		metrics, err := w.Metrics(ctx)
		if err != nil {
			return err
		}
		if metrics["mm2_config_sync_drift"] < 1 {
			return fmt.Errorf("mm2_config_sync_drift is %v", metrics["mm2_config_sync_drift"])
		}
		return nil
	})
	if err := configIs(t, b.Cluster, "dr_a.dr-orders", "retention.ms", "1800000")(t.Context()); err != nil {
		t.Errorf("report mode has changed the target: %v", err)
	}
	// Running it would change nothing, so the plan has no changes, but says what differs.
	e2e.Until(t, arrivesIn, "a plan that only reports", func(context.Context) error {
		out, errs, code := e2e.Command(t, e2e.Job{Binary: fleet.binary(t), Config: config}, "plan")
		if code != 0 || !strings.Contains(out, "only reported") || !strings.Contains(out, "retention.ms=3600000 (now 1800000)") {
			return fmt.Errorf("plan exits %d with drift that is only reported:\n%s\n%s", code, out, errs)
		}
		return nil
	})
	w.Stop(t, stopsIn)
}

// TestPlanOfAThousandTopics plans, runs, and plans again: nothing is left to do.
func TestPlanOfAThousandTopics(t *testing.T) {
	clusters := ownClusters(t, e2e.Options{}, e2e.Options{})
	a, b := alias{"pl_a", clusters[0]}, alias{"pl_b", clusters[1]}
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("pl-topic-%d", i)
	}
	for chunk := range slices.Chunk(names, 250) {
		if _, err := a.Admin(t).CreateTopics(t.Context(), 1, -1, map[string]*string{"retention.ms": new("3600000")}, chunk...); err != nil {
			t.Fatal(err)
		}
	}
	config := mesh(`
kind = "active-standby"
active = "pl_a"
standby = "pl_b"
topics = ["pl-.*"]
config_sync = { interval = "2s" }`, a, b)
	job := e2e.Job{Binary: fleet.binary(t), Config: config}
	began := time.Now()
	first, errs, code := e2e.Command(t, job, "plan", "-o", "json")
	t.Logf("plan of 1000 topics in %v", time.Since(began).Round(time.Millisecond))
	if code != 2 {
		t.Fatalf("plan exits %d, want 2:\n%s", code, errs)
	}
	if second, _, _ := e2e.Command(t, job, "plan", "-o", "json"); plannedFlows(t, second) != plannedFlows(t, first) {
		t.Error("two plans of the same clusters differ")
	}
	w := worker(t, "planned", config)
	e2e.Until(t, 2*time.Minute, "nothing is left to do", func(context.Context) error {
		if err := w.Alive(); err != nil {
			return err
		}
		began := time.Now()
		out, errs, code := e2e.Command(t, job, "plan")
		if code != 0 {
			return fmt.Errorf("plan exits %d:\n%.2000s\n%s", code, out, errs)
		}
		t.Logf("plan without changes in %v", time.Since(began).Round(time.Millisecond))
		return nil
	})
	w.Stop(t, stopsIn)
	if out, errs, code := e2e.Command(t, job, "plan"); code != 0 {
		t.Errorf("plan exits %d after the worker stopped:\n%.2000s\n%s", code, out, errs)
	}
}

// plannedFlows is a plan without the name of its file.
func plannedFlows(t *testing.T, plan string) string {
	t.Helper()
	var p struct {
		Flows json.RawMessage `json:"flows"`
	}
	if err := json.Unmarshal([]byte(plan), &p); err != nil || len(p.Flows) == 0 {
		t.Fatalf("the plan is no JSON with flows: %v\n%.500s", err, plan)
	}
	return string(p.Flows)
}

func setConfig(t *testing.T, c *e2e.Cluster, topic, key, value string) {
	t.Helper()
	alterConfig(t, c, topic, kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: &value})
}

func deleteConfig(t *testing.T, c *e2e.Cluster, topic, key string) {
	t.Helper()
	alterConfig(t, c, topic, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: key})
}

func alterConfig(t *testing.T, c *e2e.Cluster, topic string, change kadm.AlterConfig) {
	t.Helper()
	answers, err := c.Admin(t).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{change}, topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range answers {
		if answer.Err != nil {
			t.Fatalf("alter %s of %s: %v", change.Name, topic, answer.Err)
		}
	}
}

// configIs asks for an override on a topic; an empty value means none.
func configIs(t *testing.T, c *e2e.Cluster, topic, key, want string) func(context.Context) error {
	admin := c.Admin(t)
	return func(ctx context.Context) error {
		answers, err := admin.DescribeTopicConfigs(ctx, topic)
		if err != nil {
			return err
		}
		for _, answer := range answers {
			if answer.Err != nil {
				return answer.Err
			}
			for _, config := range answer.Configs {
				if config.Key != key {
					continue
				}
				got := ""
				if config.Source == kmsg.ConfigSourceDynamicTopicConfig {
					got = config.MaybeValue()
				}
				if got != want {
					return fmt.Errorf("%s of %s is %q, want %q", key, topic, got, want)
				}
				return nil
			}
		}
		return errors.New("it has no such config")
	}
}

func createACL(t *testing.T, c *e2e.Cluster, principal, topic string, op kmsg.ACLOperation) {
	t.Helper()
	answers, err := c.Admin(t).CreateACLs(t.Context(), kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).
		Allow(principal).AllowHosts("*").Operations(op))
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range answers {
		if answer.Err != nil {
			t.Fatalf("create an ACL for %s: %v", principal, answer.Err)
		}
	}
}

func deleteACL(t *testing.T, c *e2e.Cluster, principal, topic string) {
	t.Helper()
	if _, err := c.Admin(t).DeleteACLs(t.Context(), kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).
		Allow(principal).AllowHosts().Operations()); err != nil {
		t.Fatal(err)
	}
}

// aclsAre asks for the literal ACLs of a topic.
func aclsAre(t *testing.T, c *e2e.Cluster, topic string, want ...string) func(context.Context) error {
	admin := c.Admin(t)
	return func(ctx context.Context) error {
		answers, err := admin.DescribeACLs(ctx, kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).
			Allow().AllowHosts().Deny().DenyHosts().Operations())
		if err != nil {
			return err
		}
		var got []string
		for _, answer := range answers {
			if answer.Err != nil {
				return answer.Err
			}
			for _, acl := range answer.Described {
				got = append(got, fmt.Sprintf("%s %s %s", acl.Principal, lower(acl.Permission), acl.Operation))
			}
		}
		slices.Sort(got)
		got = slices.Compact(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s has %q, want %q", topic, got, want)
		}
		return nil
	}
}

func lower(p kmsg.ACLPermissionType) string {
	if p == kmsg.ACLPermissionTypeAllow {
		return "allow"
	}
	return "deny"
}
