package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// advised is an error together with what a person can do about it.
type advised struct {
	err    error
	advice string
}

func (e *advised) Error() string { return e.err.Error() + " (" + e.advice + ")" }
func (e *advised) Unwrap() error { return e.err }

func advise(err error, format string, args ...any) error {
	return &advised{err, fmt.Sprintf(format, args...)}
}

// Explain adds a remedy to errors that clients of a [Dialer] commonly return
// for a wrong configuration or missing rights. The result reads as the error
// followed by the remedy in parentheses and still is the error for errors.Is
// and errors.As. Other errors, nil and errors with a remedy come back
// unchanged.
func Explain(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*advised](err); ok {
		return err
	}
	if remedy := remedy(err); remedy != "" {
		return advise(err, "%s", remedy)
	}
	return err
}

// remedy is what helps against err, or empty. The order matters: the first
// matching cause is the most telling.
func remedy(err error) string {
	// Before the rest: it wraps errors of the network to the token endpoint,
	// which is not the broker.
	if e, ok := errors.AsType[*TokenError](err); ok {
		return e.remedy()
	}
	if errors.Is(err, errTokenRefused) {
		return "check issuer, audience and scope of the token against the broker's settings sasl.oauthbearer.*; the broker's log says more"
	}
	if r := remedyTLS(err); r != "" {
		return r
	}
	for _, r := range kafkaRemedies {
		if errors.Is(err, r.err) {
			return r.remedy
		}
	}
	if _, ok := errors.AsType[*kgo.ErrFirstReadEOF](err); ok {
		return "the security protocol does not fit this port of the broker: " + compareListeners
	}
	return remedyNetwork(err)
}

func remedyTLS(err error) string {
	// What the broker says in a TLS alert comes as an unexported type inside.
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		if strings.Contains(e.Err.Error(), "certificate") {
			return "the broker refused the TLS handshake: it wants a client certificate (mutual TLS) or does not trust the one it got; its log says more"
		}
		return "the broker refused the TLS handshake: compare TLS versions and cipher suites; its log says more"
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the broker's certificate is not for the name " + e.Host + ": use a name that is in the certificate, in the broker's advertised.listeners too"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the trust store does not have the authority that signed the broker's certificate: import its certificate"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "the broker's certificate is out of date: renew it, or check the clock of this machine"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "this port of the broker does not speak TLS: use its SSL or SASL_SSL listener, or set the security protocol without SSL"
	}
	return ""
}

const compareListeners = "compare it with the broker's listeners (PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL)"

// kafkaRemedies are the codes of brokers that people can act on.
var kafkaRemedies = []struct {
	err    error
	remedy string
}{
	{kerr.SaslAuthenticationFailed, "check user name, password and mechanism; on the broker, that the user exists for this mechanism"},
	{kerr.UnsupportedSaslMechanism, "the broker does not offer this SASL mechanism: compare with its sasl.enabled.mechanisms"},
	{kerr.IllegalSaslState, "the broker expects no SASL on this port: use its SASL listener, or set the security protocol without SASL"},
	{kerr.ClusterAuthorizationFailed, "the user lacks a right on the cluster: DESCRIBE to read ACLs, ALTER to write them, IDEMPOTENT_WRITE on brokers older than 2.8"},
	{kerr.TopicAuthorizationFailed, "the user lacks a right on the topic: READ, DESCRIBE and DESCRIBE_CONFIGS where mm2 reads; WRITE, CREATE, DESCRIBE, ALTER and ALTER_CONFIGS where it writes"},
	{kerr.TransactionalIDAuthorizationFailed, "the user lacks a right: WRITE and DESCRIBE on transactional ids that start with mm2-"},
	{kerr.GroupAuthorizationFailed, "the user lacks a right on the group: READ and DESCRIBE"},
	{kerr.DelegationTokenAuthorizationFailed, "the user lacks a right on the delegation token: DESCRIBE"},
}

func remedyNetwork(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return "the name " + e.Name + " does not resolve on this machine: check the bootstrap servers, and the broker's advertised.listeners if the name is not among them"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "nothing listens there: check that the broker runs and that host and port are right; brokers other than the bootstrap servers are reached by their advertised.listeners"
	}
	if errors.Is(err, syscall.ECONNRESET) {
		return "the broker cut the connection: it is going down, or the security protocol does not fit this port: " + compareListeners
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the broker hung up: it is going down, or it refuses this client; its log says more"
	}
	if errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) {
		return "no route to the broker: check network and firewall"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" && e.Timeout() {
		return "the broker did not answer in time: check the address and the firewall; brokers other than the bootstrap servers are reached by their advertised.listeners"
	}
	return ""
}
