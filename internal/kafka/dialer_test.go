package kafka_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/connection"
	"mm2/internal/kafka"
)

func fake(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.ClusterID("tokyo-id")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func dialer(t *testing.T, c connection.Connection, opts ...kgo.Opt) *kafka.Dialer {
	t.Helper()
	d, err := kafka.NewDialer("tokyo", c, nil, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// wantCluster checks that a client of c reaches the cluster.
func wantCluster(t *testing.T, c connection.Connection) {
	t.Helper()
	id, err := dialer(t, c).ClusterID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if id != "tokyo-id" {
		t.Errorf("cluster id %q, want tokyo-id", id)
	}
}

// wantMessage checks that err is there and says all of parts.
func wantMessage(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error does not say %q:\n%v", p, err)
		}
	}
}

func TestReachesCluster(t *testing.T) {
	ca := newAuthority(t)
	server := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "127.0.0.1")}}
	mutual := server.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool()
	client := ca.issue(t, "mm2")
	users := []kfake.Opt{
		kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "mm2", "s3cret"),
		kfake.Superuser("SCRAM-SHA-256", "mm2", "s3cret"),
		kfake.Superuser("SCRAM-SHA-512", "mm2", "s3cret"),
	}
	trust := connection.TLS{Trust: connection.Store{Certificates: ca.pem}}
	sasl := func(m connection.Mechanism) connection.SASL {
		return connection.SASL{Mechanism: m, Username: "mm2", Password: "s3cret"}
	}

	for _, tt := range []struct {
		name    string
		cluster []kfake.Opt
		conn    connection.Connection
	}{
		{"plaintext by default", nil, connection.Connection{}},
		{"plaintext", nil, connection.Connection{Protocol: connection.Plaintext}},
		{"plain", users, connection.Connection{Protocol: connection.SASLPlaintext, SASL: sasl(connection.Plain)}},
		{"scram 256", users, connection.Connection{Protocol: connection.SASLPlaintext, SASL: sasl(connection.ScramSHA256)}},
		{"scram 512", users, connection.Connection{Protocol: connection.SASLPlaintext, SASL: sasl(connection.ScramSHA512)}},
		{"tls", []kfake.Opt{kfake.TLS(server)}, connection.Connection{Protocol: connection.SSL, TLS: trust}},
		{"mutual tls", []kfake.Opt{kfake.TLS(mutual)}, connection.Connection{Protocol: connection.SSL, TLS: connection.TLS{
			Trust: trust.Trust,
			Keys:  connection.Store{Certificates: certificatePEM(client), Key: keyPEM(t, client)},
		}}},
		{"tls and scram", append(users, kfake.TLS(server)), connection.Connection{Protocol: connection.SASLSSL, TLS: trust, SASL: sasl(connection.ScramSHA512)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.conn.Bootstrap = fake(t, tt.cluster...).ListenAddrs()
			wantCluster(t, tt.conn)
		})
	}
}

// A misconfigured connection ends in an error that tells a person what to do,
// and that programs still recognise.
func TestRefusedConnectionsAreExplained(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	server := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "127.0.0.1")}}
	elsewhere := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "broker.example.com")}}
	mutual := server.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool()
	trust := connection.TLS{Trust: connection.Store{Certificates: ca.pem}}
	ssl := connection.Connection{Protocol: connection.SSL, TLS: trust}

	for _, tt := range []struct {
		name    string
		cluster []kfake.Opt
		conn    connection.Connection
		says    string
	}{
		{"plaintext client, tls broker", []kfake.Opt{kfake.TLS(server)}, connection.Connection{}, "security protocol does not fit"},
		{"unknown authority", []kfake.Opt{kfake.TLS(server)}, connection.Connection{Protocol: connection.SSL, TLS: connection.TLS{Trust: connection.Store{Certificates: other.pem}}}, "import its certificate"},
		{"unknown authority, names not checked", []kfake.Opt{kfake.TLS(server)}, connection.Connection{Protocol: connection.SSL, TLS: connection.TLS{Trust: connection.Store{Certificates: other.pem}, SkipHostnameCheck: true}}, "import its certificate"},
		{"other host name", []kfake.Opt{kfake.TLS(elsewhere)}, ssl, "not for the name 127.0.0.1"},
		{"client certificate missing", []kfake.Opt{kfake.TLS(mutual)}, ssl, "wants a client certificate"},
		{"mechanism not offered", []kfake.Opt{kfake.EnableSASL()}, connection.Connection{Protocol: connection.SASLPlaintext, SASL: connection.SASL{Mechanism: connection.OAuthBearer, OAuth: connection.OAuth{TokenURL: "http://127.0.0.1:1/token", ClientID: "mm2", ClientSecret: "s3cret"}}}, "sasl.enabled.mechanisms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.conn.Bootstrap = fake(t, tt.cluster...).ListenAddrs()
			_, err := dialer(t, tt.conn).ClusterID(t.Context())
			wantMessage(t, err, "cluster tokyo: ", tt.says)
		})
	}
}

func TestOtherNameIsAcceptedWhenAsked(t *testing.T) {
	ca := newAuthority(t)
	cluster := fake(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "broker.example.com")}}))
	trust := connection.Store{Certificates: ca.pem}
	for _, tt := range []struct {
		name string
		tls  connection.TLS
	}{
		{"host names not checked", connection.TLS{Trust: trust, SkipHostnameCheck: true}},
		{"name given", connection.TLS{Trust: trust, ServerName: "broker.example.com"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantCluster(t, connection.Connection{Bootstrap: cluster.ListenAddrs(), Protocol: connection.SSL, TLS: tt.tls})
		})
	}
}

// A plaintext port of Kafka takes the start of a TLS handshake for the length
// of a request and hangs up; kfake waits for more.
func TestPlaintextPortIsExplained(t *testing.T) {
	for _, tt := range []struct {
		name string
		read func(net.Conn) error
	}{
		{"hung up", func(c net.Conn) error {
			header := make([]byte, 5)
			if _, err := io.ReadFull(c, header); err != nil {
				return err
			}
			_, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint16(header[3:])))
			return err
		}},
		{"reset", func(c net.Conn) error {
			_, err := io.ReadFull(c, make([]byte, 4))
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := serve(t, tt.read)
			_, err := dialer(t, connection.Connection{Bootstrap: []string{addr}, Protocol: connection.SSL}).ClusterID(t.Context())
			wantMessage(t, err, "compare it with the broker's listeners")
		})
	}
}

// serve accepts connections, hands each to fn and closes it.
func serve(t *testing.T, fn func(net.Conn) error) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			if err := errors.Join(fn(conn), conn.Close()); err != nil {
				t.Error(err)
			}
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		served.Wait()
	})
	return l.Addr().String()
}

// kfake hangs up on a wrong password where Kafka answers with a code, so the
// code comes from the test.
func TestWrongPasswordIsExplained(t *testing.T) {
	cluster := fake(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "mm2", "right"))
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		resp.ErrorMessage = new("Authentication failed: Invalid username or password")
		return resp, nil, true
	})
	_, err := dialer(t, connection.Connection{
		Bootstrap: cluster.ListenAddrs(),
		Protocol:  connection.SASLPlaintext,
		SASL:      connection.SASL{Mechanism: connection.Plain, Username: "mm2", Password: "wr0ng"},
	}).ClusterID(t.Context())
	wantMessage(t, err, "Invalid username or password", "check user name, password and mechanism")
	if !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Errorf("%v is no longer the broker's error", err)
	}
	if strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestRefusedPortIsExplained(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = dialer(t, connection.Connection{Bootstrap: []string{addr}}).ClusterID(t.Context())
	wantMessage(t, err, "nothing listens there")
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v is no longer ECONNREFUSED", err)
	}
}

func TestNewDialerRefuses(t *testing.T) {
	ok := []string{"127.0.0.1:9092"}
	sasl := func(s connection.SASL) connection.Connection {
		return connection.Connection{Bootstrap: ok, Protocol: connection.SASLPlaintext, SASL: s}
	}
	ssl := func(c connection.TLS) connection.Connection {
		return connection.Connection{Bootstrap: ok, Protocol: connection.SSL, TLS: c}
	}
	for _, tt := range []struct {
		name string
		conn connection.Connection
		says string
	}{
		{"no bootstrap", connection.Connection{}, "name at least one broker as host:port"},
		{"no port", connection.Connection{Bootstrap: []string{"broker"}}, `"broker" is not host:port`},
		{"no host", connection.Connection{Bootstrap: []string{":9092"}}, "has no host"},
		{"port of letters", connection.Connection{Bootstrap: []string{"broker:kafka"}}, "ports are 1 to 65535"},
		{"scheme", connection.Connection{Bootstrap: []string{"SSL://broker:9093"}}, "write broker:9093"},
		{"protocol", connection.Connection{Bootstrap: ok, Protocol: "TLS"}, `unknown security protocol "TLS"`},
		{"no mechanism", sasl(connection.SASL{}), "no SASL mechanism"},
		{"kerberos", sasl(connection.SASL{Mechanism: "GSSAPI"}), "not supported"},
		{"mechanism", sasl(connection.SASL{Mechanism: "SCRAM"}), "SCRAM-SHA-256, SCRAM-SHA-512"},
		{"no user", sasl(connection.SASL{Mechanism: connection.Plain, Password: "x"}), "has no user name"},
		{"no password", sasl(connection.SASL{Mechanism: connection.ScramSHA256, Username: "x"}), "has no password"},
		{"token with plain", sasl(connection.SASL{Mechanism: connection.Plain, Username: "x", Password: "x", Token: true}), "delegation tokens"},
		{"tls version", ssl(connection.TLS{MinVersion: "TLSv1.1"}), "use TLSv1.2 or TLSv1.3"},
		{"cipher suite", ssl(connection.TLS{CipherSuites: []string{"AES"}}), `unknown cipher suite "AES"`},
		{"rack", connection.Connection{Bootstrap: ok, Client: connection.Client{Rack: strings.Repeat("r", 600)}}, "rack length"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kafka.NewDialer("tokyo", tt.conn, nil)
			wantMessage(t, err, "cluster tokyo: ", tt.says)
		})
	}
}

func TestNewDialerNamesAllProblems(t *testing.T) {
	_, err := kafka.NewDialer("tokyo", connection.Connection{
		Bootstrap: []string{"broker", "broker:0"},
		Protocol:  connection.SASLSSL,
		TLS:       connection.TLS{MinVersion: "SSLv3", Trust: connection.Store{File: "testdata/none.pem"}},
		SASL:      connection.SASL{Mechanism: connection.Plain},
	}, nil)
	wantMessage(t, err, `"broker" is`, `"broker:0"`, "SSLv3", "testdata/none.pem", "no user name", "no password")
}

func TestClientIDs(t *testing.T) {
	for _, tt := range []struct {
		name, prefix, want string
	}{
		{"default", "", "mm2|tokyo|A->B|lane-3|replication-consumer"},
		{"of the user", "billing", "billing|tokyo|A->B|lane-3|replication-consumer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := dialer(t, connection.Connection{Bootstrap: []string{"127.0.0.1:1"}, Client: connection.Client{ID: tt.prefix}})
			cl, err := d.Client("A->B|lane-3|replication-consumer")
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			if got := cl.OptValue(kgo.ClientID); got != tt.want {
				t.Errorf("client id %q, want %q", got, tt.want)
			}
		})
	}
}

// A broker that restarts at once is found again at once; one that stays away is
// not hammered.
func TestRetriesStartEarlyAndGrow(t *testing.T) {
	for _, tt := range []struct {
		name   string
		client connection.Client
		want   []time.Duration // nominal, for 1, 2, ... failures
	}{
		{"default", connection.Client{}, []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 80 * time.Millisecond, 160 * time.Millisecond, 320 * time.Millisecond, 640 * time.Millisecond, 1280 * time.Millisecond, 2 * time.Second, 2 * time.Second}},
		{"of the user", connection.Client{RetryBackoff: time.Second, RetryBackoffMax: 3 * time.Second}, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}},
		{"first above last", connection.Client{RetryBackoff: 5 * time.Second}, []time.Duration{5 * time.Second, 5 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cl, err := dialer(t, connection.Connection{Bootstrap: []string{"127.0.0.1:1"}, Client: tt.client}).Client("test")
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			delay := cl.OptValue(kgo.RetryBackoffFn).(func(int) time.Duration)
			for i, want := range tt.want {
				if got := delay(i + 1); got < want*8/10 || got > want*12/10 {
					t.Errorf("delay %v after %d failures, want %v within a fifth", got, i+1, want)
				}
			}
		})
	}
}

func TestDelegationTokensAreSaidToBe(t *testing.T) {
	cluster := fake(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "token-id", "hmac"))
	first := make(chan string, 1)
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		first <- string(req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes)
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return resp, nil, true
	})
	// kfake does not know tokens; what counts is what it was sent.
	_, err := dialer(t, connection.Connection{
		Bootstrap: cluster.ListenAddrs(),
		Protocol:  connection.SASLPlaintext,
		SASL:      connection.SASL{Mechanism: connection.ScramSHA256, Username: "token-id", Password: "hmac", Token: true},
	}).ClusterID(t.Context())
	if !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Fatal(err)
	}
	if got := <-first; !strings.Contains(got, "tokenauth=true") {
		t.Errorf("sent %q, want it to say tokenauth=true", got)
	}
}

// Java's clients take values that the client library refuses.
func TestTimeoutsOutOfRangeAreMoved(t *testing.T) {
	c := connection.Client{RequestTimeout: 1, DialTimeout: -1, MetadataMaxAge: -1, ConnIdle: -1, RetryBackoff: -1, RetryBackoffMax: 1}
	dialer(t, connection.Connection{Bootstrap: []string{"127.0.0.1:1"}, Client: c})
}

func TestSameClusterIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var vnet kfake.VirtualNetwork
		on := func(id string, port int) *kafka.Dialer {
			c := fake(t, kfake.ClusterID(id), kfake.Ports(port), kfake.ListenFn(vnet.Listen))
			return dialer(t, connection.Connection{Bootstrap: c.ListenAddrs()}, kgo.Dialer(vnet.DialContext))
		}
		a, same, other := on("one", 9092), on("one", 9093), on("two", 9094)
		if err := kafka.Distinct(t.Context(), a, same); !errors.Is(err, kafka.ErrSameCluster) {
			t.Errorf("got %v, want ErrSameCluster", err)
		}
		if err := kafka.Distinct(t.Context(), a, other); err != nil {
			t.Error(err)
		}
	})
}

// Once a configuration has worked, a broker that hangs up is one that restarts.
func TestProvenConfigurationRetriesHangUps(t *testing.T) {
	cluster := fake(t)
	d := dialer(t, connection.Connection{Bootstrap: cluster.ListenAddrs()})
	retries := func() any {
		cl, err := d.Client("test")
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		return cl.OptValue(kgo.AlwaysRetryEOF)
	}
	if got := retries(); got != false {
		t.Errorf("retries before the first answer: %v", got)
	}
	if _, err := d.ClusterID(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := retries(); got != true {
		t.Errorf("retries after the first answer: %v", got)
	}
}

func TestTLSDoesNotYieldToADialer(t *testing.T) {
	_, err := kafka.NewDialer("tokyo", connection.Connection{Bootstrap: []string{"127.0.0.1:1"}, Protocol: connection.SSL}, nil,
		kgo.Dialer(func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("unused") }))
	wantMessage(t, err, "cluster tokyo: ")
}
