package kafka_test

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"mm2/internal/connection"
	"mm2/internal/kafka"
)

// The stores in testdata/stores are made by testdata/make-stores.sh.
func stores(name string) string { return filepath.Join("testdata", "stores", name) }

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(stores(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// oneLine writes PEM as properties files do.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// file writes a file of the test's own and returns its path.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// mutualCluster is a fake cluster that lets nobody in without a certificate of
// the authority in testdata.
func mutualCluster(t *testing.T) *kfake.Cluster {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(stores("server.pem"), stores("server-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots, err := kafka.LoadRoots(connection.Store{File: stores("authority.pem")})
	if err != nil {
		t.Fatal(err)
	}
	return fake(t, kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    roots,
	}))
}

func TestTrustStores(t *testing.T) {
	cluster := mutualCluster(t)
	keys := connection.Store{File: stores("client.pem"), KeyFile: stores("client-key.pem")}
	for _, tt := range []struct {
		name  string
		store connection.Store
	}{
		{"pem", connection.Store{File: stores("authority.pem")}},
		{"pem with type", connection.Store{Type: connection.PEM, File: stores("authority.pem")}},
		{"pem with text around it", connection.Store{File: file(t, "# our authority\n"+read(t, "authority.pem")+"\nend\n")}},
		{"pem with old roots", connection.Store{File: file(t, newAuthorityUntil(t, time.Now().Add(-time.Minute)).pem+read(t, "authority.pem"))}},
		{"inline", connection.Store{Certificates: read(t, "authority.pem")}},
		{"inline on one line", connection.Store{Certificates: oneLine(read(t, "authority.pem"))}},
		{"several inline on one line", connection.Store{Certificates: oneLine(newAuthority(t).pem + read(t, "authority.pem"))}},
		{"jks", connection.Store{File: stores("trust.jks"), Password: "store-pw"}},
		{"jks without password", connection.Store{File: stores("trust.jks")}},
		{"jks with keys", connection.Store{File: stores("both.jks"), Password: "store-pw"}},
		{"pkcs12", connection.Store{Type: connection.PKCS12, File: stores("trust.pkcs12"), Password: "store-pw"}},
		{"pkcs12 said to be jks", connection.Store{Type: connection.JKS, File: stores("trust.pkcs12"), Password: "store-pw"}},
		{"pkcs12 with keys", connection.Store{File: stores("both.pkcs12"), Password: "store-pw"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantCluster(t, connection.Connection{
				Bootstrap: cluster.ListenAddrs(), Protocol: connection.SSL,
				TLS: connection.TLS{Trust: tt.store, Keys: keys},
			})
		})
	}
}

func TestKeyStores(t *testing.T) {
	cluster := mutualCluster(t)
	key := func(name string) connection.Store {
		return connection.Store{File: stores("client.pem"), KeyFile: stores(name)}
	}
	for _, tt := range []struct {
		name     string
		store    connection.Store
		password connection.Secret
	}{
		{"pem pair", key("client-key.pem"), ""},
		{"pem pair, traditional", key("client-key-traditional.pem"), ""},
		{"pem pair, aes 256", key("client-key-aes256.pem"), "key-pw"},
		{"pem pair, aes 192 and sha512", key("client-key-aes192-sha512.pem"), "key-pw"},
		{"pem pair, aes 128 and sha1", key("client-key-aes128-sha1.pem"), "key-pw"},
		{"pem pair, aes 256 and sha384", key("client-key-aes256-sha384.pem"), "key-pw"},
		{"pem pair, triple des", key("client-key-des3.pem"), "key-pw"},
		{"pem in one file", connection.Store{Type: connection.PEM, File: stores("client-all.pem")}, "key-pw"},
		{"pem with the store password", connection.Store{File: stores("client-all.pem"), Password: "key-pw"}, ""},
		{"inline", connection.Store{Certificates: read(t, "client.pem"), Key: connection.Secret(read(t, "client-key.pem"))}, ""},
		{"inline, encrypted, on one line", connection.Store{Certificates: oneLine(read(t, "client.pem")), Key: connection.Secret(oneLine(read(t, "client-key-aes256.pem")))}, "key-pw"},
		{"jks", connection.Store{File: stores("client.jks"), Password: "store-pw"}, ""},
		{"jks with a key password", connection.Store{File: stores("client-two-passwords.jks"), Password: "store-pw"}, "key-pw"},
		{"jks with trusted certificates", connection.Store{File: stores("both.jks"), Password: "store-pw"}, ""},
		{"pkcs12", connection.Store{File: stores("client.pkcs12"), Password: "store-pw"}, ""},
		{"pkcs12 of openssl", connection.Store{File: stores("client-openssl.pkcs12"), Password: "store-pw"}, ""},
		{"pkcs12 of old openssl", connection.Store{File: stores("client-legacy.pkcs12"), Password: "store-pw"}, ""},
		{"pkcs12 with trusted certificates", connection.Store{File: stores("both.pkcs12"), Password: "store-pw"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantCluster(t, connection.Connection{
				Bootstrap: cluster.ListenAddrs(), Protocol: connection.SSL,
				TLS: connection.TLS{Trust: connection.Store{File: stores("authority.pem")}, Keys: tt.store, KeyPassword: tt.password},
			})
		})
	}
}

func TestTrustStoresRefused(t *testing.T) {
	truncated := read(t, "trust.jks")[:400]
	flipped := []byte(read(t, "trust.jks"))
	flipped[100] ^= 1
	for _, tt := range []struct {
		name  string
		store connection.Store
		says  []string
	}{
		{"missing file", connection.Store{File: stores("none.jks")}, []string{"trust store", "none.jks", "no such file", "check the path"}},
		{"directory", connection.Store{File: stores("")}, []string{"is a directory"}},
		{"empty file", connection.Store{File: file(t, "\n")}, []string{"the file is empty"}},
		{"too large", connection.Store{File: file(t, strings.Repeat("x", 17<<20))}, []string{"too many for a store"}},
		{"no file", connection.Store{Password: "store-pw"}, []string{"no file is named"}},
		{"file and inline", connection.Store{File: stores("authority.pem"), Certificates: "x"}, []string{"both a file and inline"}},
		{"unknown type", connection.Store{Type: "BCFKS", File: stores("trust.jks")}, []string{`unknown type "BCFKS"`, "PEM, JKS or PKCS12"}},
		{"unknown content", connection.Store{File: file(t, "hello")}, []string{"neither PEM, JKS nor PKCS12"}},
		{"jks said to be pem", connection.Store{Type: connection.PEM, File: stores("trust.jks")}, []string{"the type says PEM but the file is JKS"}},
		{"pem said to be jks", connection.Store{Type: connection.JKS, File: stores("authority.pem")}, []string{"the type says JKS but the file is PEM", "set the type to PEM"}},
		{"jceks", connection.Store{File: stores("trust.jceks"), Password: "store-pw"}, []string{"JCEKS", "keytool -importkeystore"}},
		{"der", connection.Store{File: stores("authority.der")}, []string{"DER", "openssl x509 -inform DER"}},
		{"jks, wrong password", connection.Store{File: stores("trust.jks"), Password: "wr0ng"}, []string{"trust.jks: the store password is wrong", "keytool -list"}},
		{"jks, damaged", connection.Store{File: file(t, string(flipped)), Password: "store-pw"}, []string{"or the store is damaged"}},
		{"jks, cut short", connection.Store{File: file(t, truncated), Password: "store-pw"}, []string{"or the store is damaged"}},
		{"jks, cut very short", connection.Store{File: file(t, truncated[:10])}, []string{"damaged or cut short"}},
		{"jks, cut short, no password", connection.Store{File: file(t, truncated)}, []string{"damaged or cut short"}},
		{"jks, empty", connection.Store{File: stores("empty.jks"), Password: "store-pw"}, []string{"no certificate in it"}},
		{"pkcs12, wrong password", connection.Store{File: stores("trust.pkcs12"), Password: "wr0ng"}, []string{"the store password is wrong"}},
		{"pkcs12, no password", connection.Store{File: stores("trust.pkcs12")}, []string{"no store password is given"}},
		{"pkcs12, damaged", connection.Store{File: file(t, read(t, "trust.pkcs12")[:500]), Password: "store-pw"}, []string{"read PKCS12 store", "keytool -list"}},
		{"pkcs12, not trusted", connection.Store{File: stores("trust-openssl.pkcs12"), Password: "store-pw"}, []string{"not marked as trusted", "keytool -importcert"}},
		{"pem, only a key", connection.Store{File: stores("client-key.pem")}, []string{"no certificate in it", "-----BEGIN CERTIFICATE-----"}},
		{"pem, damaged", connection.Store{File: file(t, read(t, "authority.pem")[:300])}, []string{"PEM block 1 is damaged"}},
		{"pem, not a certificate", connection.Store{Certificates: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}, []string{"PEM block 1: x509"}},
		{"all expired", connection.Store{Certificates: newAuthorityUntil(t, time.Now().Add(-time.Minute)).pem}, []string{"all its certificates are expired", "CN=test authority"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kafka.NewDialer("tokyo", connection.Connection{
				Bootstrap: []string{"127.0.0.1:1"}, Protocol: connection.SSL, TLS: connection.TLS{Trust: tt.store},
			}, nil)
			wantMessage(t, err, append(tt.says, "cluster tokyo: ", "trust store")...)
			wantNoSecret(t, err)
		})
	}
}

func TestKeyStoresRefused(t *testing.T) {
	key := func(name string) connection.Store {
		return connection.Store{File: stores("client.pem"), KeyFile: stores(name)}
	}
	expired := newAuthority(t).issueUntil(t, "mm2", time.Now().Add(-time.Minute))
	for _, tt := range []struct {
		name     string
		store    connection.Store
		password connection.Secret
		says     []string
	}{
		{"missing key file", key("none.pem"), "", []string{"key file", "none.pem", "no such file"}},
		{"no key", connection.Store{File: stores("client.pem")}, "", []string{"client.pem: no private key in it"}},
		{"no certificate", connection.Store{File: stores("client-key.pem")}, "", []string{"no certificate in it"}},
		{"key of another", key("other-key.pem"), "", []string{"no certificate in it belongs to the private key"}},
		{"expired", connection.Store{Certificates: certificatePEM(expired), Key: keyPEM(t, expired)}, "", []string{`the certificate "CN=mm2" is expired since`, "renew it"}},
		{"encrypted, no password", key("client-key-aes256.pem"), "", []string{"client-key-aes256.pem: private key: it is encrypted", "set the key password"}},
		{"encrypted, wrong password", key("client-key-aes256.pem"), "wr0ng", []string{"the key password is wrong"}},
		{"encrypted with scrypt", key("client-key-scrypt.pem"), "key-pw", []string{"is not supported", "openssl pkcs8 -topk8"}},
		{"encrypted with pbes1", key("client-key-pbes1.pem"), "key-pw", []string{"is not supported", "openssl pkcs8 -topk8"}},
		{"encrypted the old way", key("client-key-proc-type.pem"), "key-pw", []string{"Proc-Type", "openssl pkcs8 -topk8"}},
		{"inline key only", connection.Store{Key: "x"}, "", []string{"certificate chain is missing"}},
		{"inline chain only", connection.Store{Certificates: "x"}, "", []string{"private key is missing"}},
		{"inline and file", connection.Store{Certificates: "x", Key: "x", KeyFile: "x"}, "", []string{"both a file and inline"}},
		{"jks, wrong password", connection.Store{File: stores("client.jks"), Password: "wr0ng"}, "", []string{"the store password is wrong"}},
		{"jks, no password", connection.Store{File: stores("client.jks")}, "", []string{"no store password is given"}},
		{"jks, key password missing", connection.Store{File: stores("client-two-passwords.jks"), Password: "store-pw"}, "", []string{`entry "client": the key password is wrong`, "may differ from the store password"}},
		{"jks, several keys", connection.Store{File: stores("two-keys.jks"), Password: "store-pw"}, "", []string{"2 private keys in it (client, other)", "-srcalias NAME"}},
		{"jks, trust store", connection.Store{File: stores("trust.jks"), Password: "store-pw"}, "", []string{"looks like a trust store"}},
		{"pkcs12, wrong password", connection.Store{File: stores("client.pkcs12"), Password: "wr0ng"}, "", []string{"the store password is wrong"}},
		{"pkcs12, several keys", connection.Store{File: stores("two-keys.pkcs12"), Password: "store-pw"}, "", []string{"several private keys"}},
		{"pkcs12, trust store", connection.Store{File: stores("trust.pkcs12"), Password: "store-pw"}, "", []string{"looks like a trust store"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kafka.NewDialer("tokyo", connection.Connection{
				Bootstrap: []string{"127.0.0.1:1"}, Protocol: connection.SSL, TLS: connection.TLS{Keys: tt.store, KeyPassword: tt.password},
			}, nil)
			wantMessage(t, err, append(tt.says, "cluster tokyo: ")...)
			wantNoSecret(t, err)
		})
	}
}

func wantNoSecret(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"store-pw", "key-pw", "wr0ng"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

// Reading a store that somebody damaged must end in an error, not in a panic
// or without memory.
func FuzzStores(f *testing.F) {
	for _, name := range []string{"authority.pem", "client-all.pem", "client-key-des3.pem", "trust.jks", "both.jks"} {
		b, err := os.ReadFile(stores(name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 0 && data[0] == 0x30 {
			t.Skip("PKCS12 is decoded by its library, which computes for hours if the file says so")
		}
		path := file(t, string(data))
		for _, password := range []connection.Secret{"", "store-pw"} {
			pool, err := kafka.LoadRoots(connection.Store{File: path, Password: password})
			if err == nil && pool == nil {
				t.Error("no error and no certificates")
			}
		}
		cert, err := kafka.LoadCertificate(connection.Store{File: path, Password: "store-pw"}, "key-pw")
		if err == nil && !bytes.Equal(cert.Certificate[0], cert.Leaf.Raw) {
			t.Error("the chain does not start with the certificate")
		}
	})
}
