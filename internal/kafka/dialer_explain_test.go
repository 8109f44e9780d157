package kafka_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"mm2/internal/kafka"
)

func TestExplain(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, tt := range []struct {
		name string
		err  error
		says string
	}{
		{"first read", &kgo.ErrFirstReadEOF{}, "security protocol does not fit"},
		{"hung up", io.EOF, "the broker hung up"},
		{"wrong password", kerr.SaslAuthenticationFailed, "check user name, password and mechanism"},
		{"mechanism", kerr.UnsupportedSaslMechanism, "sasl.enabled.mechanisms"},
		{"no sasl expected", kerr.IllegalSaslState, "expects no SASL"},
		{"cluster right", kerr.ClusterAuthorizationFailed, "a right on the cluster: DESCRIBE"},
		{"topic right", kerr.TopicAuthorizationFailed, "a right on the topic: READ"},
		{"transactional id right", kerr.TransactionalIDAuthorizationFailed, "WRITE and DESCRIBE on transactional ids"},
		{"group right", kerr.GroupAuthorizationFailed, "a right on the group: READ and DESCRIBE"},
		{"unknown authority", x509.UnknownAuthorityError{}, "import its certificate"},
		{"host name", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "kafka-1"}, "not for the name kafka-1"},
		{"expired", x509.CertificateInvalidError{Reason: x509.Expired}, "out of date"},
		{"certificate refused", &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, "wants a client certificate"},
		{"handshake refused", &net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, "compare TLS versions and cipher suites"},
		{"refused", dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "nothing listens there"},
		{"reset", os.NewSyscallError("read", syscall.ECONNRESET), "the broker cut the connection"},
		{"no route", dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), "no route to the broker"},
		{"no such host", dial(&net.DNSError{Err: "no such host", Name: "kafka-1", IsNotFound: true}), "the name kafka-1 does not resolve"},
		{"timeout", dial(os.ErrDeadlineExceeded), "did not answer in time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			outer := fmt.Errorf("copy orders: %w", tt.err)
			got := kafka.Explain(outer)
			wantMessage(t, got, outer.Error()+" (", tt.says)
			if !errors.Is(got, tt.err) {
				t.Errorf("%v is no longer %v", got, tt.err)
			}
			if again := kafka.Explain(fmt.Errorf("flow A->B: %w", got)); strings.Count(again.Error(), tt.says) != 1 {
				t.Errorf("explained twice: %v", again)
			}
		})
	}
}

func TestExplainLeavesOtherErrors(t *testing.T) {
	for _, err := range []error{nil, context.Canceled, kerr.NotLeaderForPartition, errors.New("disk full")} {
		t.Run(fmt.Sprint(err), func(t *testing.T) {
			if got, want := fmt.Sprint(kafka.Explain(err)), fmt.Sprint(err); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// Programs branch on what is inside.
func TestExplainedErrorsKeepTheirType(t *testing.T) {
	err := kafka.Explain(&kadm.AuthError{Err: kerr.ClusterAuthorizationFailed})
	wantMessage(t, err, "a right on the cluster")
	if _, ok := errors.AsType[*kadm.AuthError](err); !ok {
		t.Errorf("%v is no longer a *kadm.AuthError", err)
	}
}
