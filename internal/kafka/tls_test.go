package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"mm2/internal/connection"
)

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	return newAuthorityUntil(t, time.Now().Add(time.Hour))
}

func newAuthorityUntil(t *testing.T, end time.Time) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test authority"},
		NotBefore:             time.Now().Add(-2 * time.Hour),
		NotAfter:              end,
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	a.cert = sign(t, template, template, a.key, a.key)
	a.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
	return a
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// issue makes a certificate for a host, an address or a client.
func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	return a.issueUntil(t, name, time.Now().Add(time.Hour))
}

func (a *authority) issueUntil(t *testing.T, name string, end time.Time) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-2 * time.Hour),
		NotAfter:     end,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	cert := sign(t, template, a.cert, key, a.key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func certificatePEM(c tls.Certificate) string {
	var out []byte
	for _, der := range c.Certificate {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return string(out)
}

func keyPEM(t *testing.T, c tls.Certificate) connection.Secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return connection.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

const oldSuite = tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384

// oldConnection leads to a cluster that speaks TLS 1.2 with oldSuite only.
func oldConnection(t *testing.T) connection.Connection {
	t.Helper()
	ca := newAuthority(t)
	c := fake(t, kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, "127.0.0.1")},
		MaxVersion:   tls.VersionTLS12,
		CipherSuites: []uint16{oldSuite},
	}))
	return connection.Connection{
		Bootstrap: c.ListenAddrs(),
		Protocol:  connection.SSL,
		TLS:       connection.TLS{Trust: connection.Store{Certificates: ca.pem}},
	}
}

func TestCipherSuitesAreOffered(t *testing.T) {
	conn := oldConnection(t)
	for _, tt := range []struct {
		name   string
		suites []string
	}{
		{"default", nil},
		{"the broker's", []string{tls.CipherSuiteName(oldSuite)}},
		{"the broker's and one of 1.3", []string{"TLS_AES_256_GCM_SHA384", tls.CipherSuiteName(oldSuite)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := conn
			conn.TLS.CipherSuites = tt.suites
			wantCluster(t, conn)
		})
	}
}

func TestOtherCipherSuitesAndVersionsAreNotOffered(t *testing.T) {
	conn := oldConnection(t)
	for _, tt := range []struct {
		name    string
		version string
		suites  []string
		says    string
	}{
		{"another suite", "", []string{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}, "handshake failure"},
		{"only a suite of 1.3", "", []string{"TLS_AES_256_GCM_SHA384"}, "protocol version"},
		{"1.3", "TLSv1.3", nil, "protocol version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := conn
			conn.TLS.MinVersion, conn.TLS.CipherSuites = tt.version, tt.suites
			_, err := dialer(t, conn).ClusterID(t.Context())
			wantMessage(t, err, tt.says, "compare TLS versions and cipher suites")
		})
	}
}
