package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Security is a certificate authority of its own, a broker certificate for
// 127.0.0.1, and a SCRAM-SHA-512 user.
type Security struct {
	User, Password string
	CAFile         string // PEM, for clients

	broker []byte // PEM: key and certificate
}

const keyStorePath = "/tmp/broker.pem"

// NewSecurity makes keys and certificates that last as long as the test.
func NewSecurity(t testing.TB) *Security {
	t.Helper()
	s := &Security{User: "mm2", Password: "pass word,=\"quoted\""}
	ca, broker, err := certificates()
	if err != nil {
		t.Fatalf("make certificates: %v", err)
	}
	s.broker = broker
	s.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(s.CAFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// settings are those of a broker with the listener LOCKED.
func (s *Security) settings() map[string]string {
	const locked = "listener.name.locked."
	return map[string]string{
		locked + "ssl.keystore.type":              "PEM",
		locked + "ssl.keystore.location":          keyStorePath,
		locked + "ssl.client.auth":                "none",
		locked + "sasl.enabled.mechanisms":        "SCRAM-SHA-512",
		locked + "scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
	}
}

// createUser adds the SCRAM user through the plaintext listener.
func (c *Cluster) createUser(ctx context.Context) error {
	client, err := kgo.NewClient(c.clientOpts()...)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	defer client.Close()
	results, err := kadm.NewClient(client).AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{
		User: c.opts.Secure.User, Password: c.opts.Secure.Password,
		Mechanism: kadm.ScramSha512, Iterations: 4096,
	}})
	if err == nil {
		err = results.Error()
	}
	if err != nil {
		return fmt.Errorf("create user %s: %w", c.opts.Secure.User, err)
	}
	return nil
}

// certificates returns an authority's certificate, and a broker's key and
// certificate in one file, all PEM.
func certificates() (ca, broker []byte, err error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mm2 e2e authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		return nil, nil, err
	}
	brokerKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	certificate := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificateDER, err := x509.CreateCertificate(rand.Reader, certificate, authority, &brokerKey.PublicKey, authorityKey)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(brokerKey)
	if err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	for _, block := range []*pem.Block{
		{Type: "PRIVATE KEY", Bytes: keyDER},
		{Type: "CERTIFICATE", Bytes: certificateDER},
		{Type: "CERTIFICATE", Bytes: authorityDER},
	} {
		if err := pem.Encode(&b, block); err != nil {
			return nil, nil, err
		}
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authorityDER}), b.Bytes(), nil
}
