package kafka

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"mm2/internal/connection"
)

// maxStoreBytes bounds what is read of a store: the largest trust stores in
// use hold some hundred certificates in a few hundred kilobytes.
const maxStoreBytes = 16 << 20

// What a store is for, in messages.
const (
	trustStore = "trust store"
	keyStore   = "key store"
)

// loadRoots reads the certificates to trust. It returns nil, which means the
// system's roots, if s is zero.
func loadRoots(s connection.Store) (*x509.CertPool, error) {
	if s == (connection.Store{}) {
		return nil, nil
	}
	certs, err := readRoots(s)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	var expired *x509.Certificate
	valid := 0
	for _, c := range certs {
		// Long-lived trust stores collect dead roots; they harm nobody.
		if time.Now().After(c.NotAfter) {
			expired = c
			continue
		}
		valid++
		pool.AddCert(c)
	}
	if valid == 0 && expired != nil {
		return nil, advise(fmt.Errorf("%s: all its certificates are expired, for example %s on %s",
			where(trustStore, s), name(expired), expired.NotAfter.Format(time.DateOnly)), "import the current certificate of the authority")
	}
	if valid == 0 {
		return nil, advise(fmt.Errorf("%s: no certificate in it", where(trustStore, s)), "import the certificate of the authority that signed the brokers' certificates")
	}
	return pool, nil
}

func readRoots(s connection.Store) ([]*x509.Certificate, error) {
	if s.Certificates != "" {
		if s.File != "" {
			return nil, both(trustStore)
		}
		return pemCertificates(where(trustStore, s), []byte(s.Certificates))
	}
	data, format, err := openStore(trustStore, s)
	if err != nil {
		return nil, err
	}
	switch format {
	case connection.JKS:
		return jksRoots(where(trustStore, s), data, s.Password)
	case connection.PKCS12:
		return pkcs12Roots(where(trustStore, s), data, s.Password)
	}
	return pemCertificates(where(trustStore, s), data)
}

// loadCertificate reads the client certificate with its key. It returns nil if
// s is zero.
func loadCertificate(s connection.Store, keyPassword connection.Secret) (*tls.Certificate, error) {
	if s == (connection.Store{}) {
		return nil, nil
	}
	key, certs, err := readKeys(s, keyPassword)
	if err != nil {
		return nil, err
	}
	return pair(where(keyStore, s), key, certs)
}

func readKeys(s connection.Store, keyPassword connection.Secret) (crypto.PrivateKey, []*x509.Certificate, error) {
	if s.Certificates != "" || s.Key != "" {
		return inlineKeys(s, keyPassword)
	}
	data, format, err := openStore(keyStore, s)
	if err != nil {
		return nil, nil, err
	}
	switch format {
	case connection.JKS:
		return jksKeys(where(keyStore, s), data, s.Password, keyPassword)
	case connection.PKCS12:
		return pkcs12Keys(where(keyStore, s), data, s.Password)
	}
	return pemKeys(s, data, keyPassword)
}

// openStore reads the file of a store and finds out its format.
func openStore(what string, s connection.Store) ([]byte, connection.StoreType, error) {
	if s.File == "" {
		return nil, "", advise(fmt.Errorf("%s: no file is named", what), "name its file, or remove its other settings")
	}
	data, err := readFile(what, s.File)
	if err != nil {
		return nil, "", err
	}
	format, err := storeFormat(where(what, s), s.Type, data)
	return data, format, err
}

func readFile(what, file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, advise(fmt.Errorf("%s: %w", what, err), "check the path; relative paths count from the directory in which mm2 was started")
	case err != nil:
		return nil, advise(fmt.Errorf("%s: %w", what, err), "check the path")
	case info.IsDir():
		return nil, advise(fmt.Errorf("%s %s: is a directory", what, file), "name the file in it")
	case info.Size() > maxStoreBytes:
		return nil, advise(fmt.Errorf("%s %s: %d bytes are too many for a store", what, file, info.Size()), "check the path")
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrPermission) {
		return nil, advise(fmt.Errorf("%s: %w", what, err), "let the user that runs mm2 read it")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, advise(fmt.Errorf("%s %s: the file is empty", what, file), "make it anew")
	}
	return data, nil
}

// storeFormat is the format of data, which must agree with the declared type.
// JKS and PKCS12 stand for each other, as in Java since version 9.
func storeFormat(at string, declared connection.StoreType, data []byte) (connection.StoreType, error) {
	switch declared {
	case "", connection.PEM, connection.JKS, connection.PKCS12:
	default:
		return "", advise(fmt.Errorf("%s: unknown type %q", at, declared), "use PEM, JKS or PKCS12, or leave the type out")
	}
	format, err := detect(data)
	if err != nil {
		return "", fmt.Errorf("%s: %w", at, err)
	}
	if declared != "" && format != declared && (format == connection.PEM || declared == connection.PEM) {
		return "", advise(fmt.Errorf("%s: the type says %s but the file is %s", at, declared, format), "set the type to %s or leave it out", format)
	}
	return format, nil
}

func detect(data []byte) (connection.StoreType, error) {
	switch {
	case bytes.Contains(data, []byte("-----BEGIN ")):
		return connection.PEM, nil
	case len(data) >= 4 && binary.BigEndian.Uint32(data) == jksMagic:
		return connection.JKS, nil
	case len(data) >= 4 && binary.BigEndian.Uint32(data) == jceksMagic:
		return "", advise(errors.New("it is a JCEKS store, which is not supported"),
			"convert it: keytool -importkeystore -srckeystore FILE -srcstoretype JCEKS -destkeystore NEW.p12 -deststoretype PKCS12")
	case data[0] == 0x30: // a DER sequence
		if _, err := x509.ParseCertificate(data); err == nil {
			return "", advise(errors.New("it is a single certificate in DER form"), "convert it: openssl x509 -inform DER -in FILE -out NEW.pem")
		}
		return connection.PKCS12, nil
	}
	return "", advise(errors.New("it is neither PEM, JKS nor PKCS12"), "check that it is the right file")
}

// pair joins a private key with its certificate and what is found of the chain
// above it.
func pair(at string, key crypto.PrivateKey, certs []*x509.Certificate) (*tls.Certificate, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, advise(fmt.Errorf("%s: private keys of type %T cannot be used for TLS", at, key), "use an RSA, ECDSA or Ed25519 key")
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, advise(fmt.Errorf("%s: public keys of type %T cannot be used for TLS", at, signer.Public()), "use an RSA, ECDSA or Ed25519 key")
	}
	var leaf *x509.Certificate
	for _, c := range certs {
		if public.Equal(c.PublicKey) {
			leaf = c
			break
		}
	}
	switch now := time.Now(); {
	case leaf == nil:
		return nil, advise(fmt.Errorf("%s: no certificate in it belongs to the private key", at), "take certificate and key from the same request")
	case now.After(leaf.NotAfter):
		return nil, advise(fmt.Errorf("%s: the certificate %s is expired since %s", at, name(leaf), leaf.NotAfter.Format(time.DateOnly)), "renew it")
	case now.Before(leaf.NotBefore):
		return nil, advise(fmt.Errorf("%s: the certificate %s is valid from %s only", at, name(leaf), leaf.NotBefore.Format(time.DateTime)), "check the clock of this machine")
	}
	return &tls.Certificate{Certificate: chain(leaf, certs), PrivateKey: key, Leaf: leaf}, nil
}

// chain is leaf followed by those of certs that lead towards a root. It goes
// by names and key ids: whether signatures are good is the broker's to say.
func chain(leaf *x509.Certificate, certs []*x509.Certificate) [][]byte {
	ders := [][]byte{leaf.Raw}
	// Certificates that sign one another crosswise would go round for ever.
	for at := leaf; at != nil && len(ders) <= len(certs); {
		if at = issuer(at, certs); at != nil {
			ders = append(ders, at.Raw)
		}
	}
	return ders
}

// issuer is the one among certs that issued c, unless c issued itself.
func issuer(c *x509.Certificate, certs []*x509.Certificate) *x509.Certificate {
	if bytes.Equal(c.RawIssuer, c.RawSubject) {
		return nil
	}
	for _, candidate := range certs {
		sameKey := len(c.AuthorityKeyId) == 0 || len(candidate.SubjectKeyId) == 0 ||
			bytes.Equal(c.AuthorityKeyId, candidate.SubjectKeyId)
		if sameKey && bytes.Equal(candidate.RawSubject, c.RawIssuer) {
			return candidate
		}
	}
	return nil
}

// where names a store in messages.
func where(what string, s connection.Store) string {
	if s.File == "" {
		return "inline " + what
	}
	return what + " " + s.File
}

// name is how people know a certificate.
func name(c *x509.Certificate) string {
	if s := c.Subject.String(); s != "" {
		return fmt.Sprintf("%q", s)
	}
	return "without a subject"
}

func both(what string) error {
	return advise(fmt.Errorf("%s: both a file and inline certificates are given", what), "remove one of them")
}
