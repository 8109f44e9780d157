package app_test

import "testing"

// Java's base class copies at least once unless a subclass says otherwise.
func TestMirrorConnectorsIntegrationBaseTest(t *testing.T) {
	javaCases(t, javaKind{settings: `delivery = "at-least-once"`})
}

func TestMirrorConnectorsIntegrationExactlyOnceTest(t *testing.T) {
	javaCases(t, javaKind{})
	javaCase(t, javaKind{}, "testReplication with altered offsets", testAlteredOffsets)
}

// Transactional producers leave markers and aborted records on the source, and
// so gaps in the offsets of what is copied.
func TestMirrorConnectorsIntegrationTransactionsTest(t *testing.T) {
	javaCases(t, javaKind{transactional: true})
}

func TestIdentityReplicationIntegrationTest(t *testing.T) {
	javaCases(t, javaKind{identity: true, settings: `policy = "identity"`})
}
