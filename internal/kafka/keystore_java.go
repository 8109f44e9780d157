package kafka

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"mm2/internal/connection"
)

const (
	jksMagic   = 0xFEEDFEED
	jceksMagic = 0xCECECECE
)

// openJKS verifies a JKS store and reads it.
func openJKS(at string, data []byte, password connection.Secret) (keystore.KeyStore, error) {
	store := keystore.New(keystore.WithOrderedAliases(), keystore.WithCaseExactAliases())
	if len(data) < sha1.Size {
		return store, jksDamaged(at)
	}
	body, digest := data[:len(data)-sha1.Size], data[len(data)-sha1.Size:]
	sum := jksDigest(body, password.Reveal())
	switch {
	case password == "":
		// Java does not ask for the password of a trust store. The library
		// always checks one, so the store is signed anew for it.
		data = append(append([]byte(nil), body...), sum...)
	case subtle.ConstantTimeCompare(sum, digest) != 1:
		return store, advise(fmt.Errorf("%s: the store password is wrong, or the store is damaged", at), "check the store password; try: keytool -list -keystore FILE")
	}
	if !jksWhole(body) {
		return store, jksDamaged(at)
	}
	if err := store.Load(bytes.NewReader(data), []byte(password.Reveal())); err != nil {
		return store, advise(fmt.Errorf("%s: read JKS store: %w", at, err), "check it with: keytool -list -keystore FILE")
	}
	return store, nil
}

func jksDamaged(at string) error {
	return advise(fmt.Errorf("%s: the JKS store is damaged or cut short", at), "copy it again")
}

// jksWhole reports whether the lengths and counts in body add up to body. The
// library takes them as sizes to allocate, gigabytes if a byte is wrong.
func jksWhole(body []byte) bool {
	w := walk{body}
	if w.number(4) != jksMagic {
		return false
	}
	version := w.number(4)
	certificate := func() {
		if version == 2 {
			w.skip(w.number(2)) // type
		}
		w.skip(w.number(4))
	}
	for entries := w.number(4); entries > 0; entries-- {
		kind := w.number(4)
		w.skip(w.number(2)) // alias
		w.skip(8)           // time
		switch kind {
		case 1:
			w.skip(w.number(4)) // key
			for n := w.number(4); n > 0 && w.rest != nil; n-- {
				certificate()
			}
		case 2:
			certificate()
		default:
			return false
		}
		if w.rest == nil {
			return false
		}
	}
	return w.rest != nil && len(w.rest) == 0
}

// walk reads big-endian numbers off the front of rest. It turns nil when more
// is asked for than there is.
type walk struct{ rest []byte }

func (w *walk) skip(n uint64) {
	if n > uint64(len(w.rest)) {
		w.rest = nil
		return
	}
	w.rest = w.rest[n:]
}

func (w *walk) number(size int) uint64 {
	if size > len(w.rest) {
		w.rest = nil
		return 0
	}
	var n uint64
	for _, b := range w.rest[:size] {
		n = n<<8 | uint64(b)
	}
	w.rest = w.rest[size:]
	return n
}

// jksDigest is the keyed digest of a JKS store: the password in UTF-16, a
// fixed salt, the content.
func jksDigest(body []byte, password string) []byte {
	h := sha1.New()
	for _, c := range utf16.Encode([]rune(password)) {
		h.Write([]byte{byte(c >> 8), byte(c)})
	}
	h.Write([]byte("Mighty Aphrodite"))
	h.Write(body)
	return h.Sum(nil)
}

// jksRoots are the trusted certificates of a JKS store and, as in Java, the
// first certificate of each key in it.
func jksRoots(at string, data []byte, password connection.Secret) ([]*x509.Certificate, error) {
	store, err := openJKS(at, data, password)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for _, alias := range store.Aliases() {
		var der []byte
		if store.IsTrustedCertificateEntry(alias) {
			entry, err := store.GetTrustedCertificateEntry(alias)
			if err != nil {
				return nil, fmt.Errorf("%s: entry %q: %w", at, alias, err)
			}
			der = entry.Certificate.Content
		} else if chain, err := store.GetPrivateKeyEntryCertificateChain(alias); err == nil && len(chain) > 0 {
			der = chain[0].Content
		} else {
			continue // neither certificate nor key: nothing to trust
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%s: entry %q: %w", at, alias, err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}

// jksKeys is the one key of a JKS store with its chain.
func jksKeys(at string, data []byte, password, keyPassword connection.Secret) (crypto.PrivateKey, []*x509.Certificate, error) {
	if password == "" {
		return nil, nil, advise(fmt.Errorf("%s: no store password is given", at), "set the store password")
	}
	store, err := openJKS(at, data, password)
	if err != nil {
		return nil, nil, err
	}
	alias, err := onlyKey(at, store)
	if err != nil {
		return nil, nil, err
	}
	if keyPassword == "" {
		keyPassword = password
	}
	entry, err := store.GetPrivateKeyEntry(alias, []byte(keyPassword.Reveal()))
	if err != nil {
		return nil, nil, advise(fmt.Errorf("%s: entry %q: the key password is wrong, or the key is damaged", at, alias), "set the key password, which may differ from the store password")
	}
	key, err := x509.ParsePKCS8PrivateKey(entry.PrivateKey)
	if err != nil {
		return nil, nil, advise(fmt.Errorf("%s: entry %q: %w", at, alias, err), "use an RSA, ECDSA or Ed25519 key")
	}
	certs := make([]*x509.Certificate, 0, len(entry.CertificateChain))
	for _, link := range entry.CertificateChain {
		c, err := x509.ParseCertificate(link.Content)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: entry %q: %w", at, alias, err)
		}
		certs = append(certs, c)
	}
	return key, certs, nil
}

// onlyKey is the alias of the private key. Java picks one of several by the
// broker's wishes; we ask for a store without a choice.
func onlyKey(at string, store keystore.KeyStore) (string, error) {
	var found []string
	for _, alias := range store.Aliases() {
		if store.IsPrivateKeyEntry(alias) {
			found = append(found, alias)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", noKey(at)
	}
	return "", advise(fmt.Errorf("%s: %d private keys in it (%s)", at, len(found), strings.Join(found, ", ")), severalKeysAdvice)
}

func noKey(at string) error {
	return advise(fmt.Errorf("%s: no private key in it", at), "it looks like a trust store; the key store holds the client's certificate and key")
}

const severalKeysAdvice = "make a store with the client's key only: keytool -importkeystore -srckeystore FILE -srcalias NAME -destkeystore NEW.p12 -deststoretype PKCS12"

// pkcs12Roots are the certificates of a PKCS12 trust store. If the store has
// keys, as when one file serves as key store and trust store, all certificates
// in it count.
func pkcs12Roots(at string, data []byte, password connection.Secret) ([]*x509.Certificate, error) {
	certs, err := pkcs12.DecodeTrustStore(data, password.Reveal())
	if err == nil {
		return certs, nil
	}
	if _, leaf, above, keysErr := pkcs12.DecodeChain(data, password.Reveal()); keysErr == nil {
		return append([]*x509.Certificate{leaf}, above...), nil
	}
	// The library has sentinels for passwords only.
	if strings.Contains(err.Error(), "not marked as trusted") {
		return nil, advise(fmt.Errorf("%s: its certificates are not marked as trusted, so Java would not trust them either", at),
			"make it with keytool -importcert -trustcacerts, or use a PEM file")
	}
	return nil, pkcs12Error(at, err, password)
}

// pkcs12Keys is the one key of a PKCS12 store with its certificates.
func pkcs12Keys(at string, data []byte, password connection.Secret) (crypto.PrivateKey, []*x509.Certificate, error) {
	key, first, others, err := pkcs12.DecodeChain(data, password.Reveal())
	if err == nil {
		return key, append([]*x509.Certificate{first}, others...), nil
	}
	switch msg := err.Error(); {
	case strings.Contains(msg, "private key missing"):
		return nil, nil, noKey(at)
	case strings.Contains(msg, "certificate missing"):
		return nil, nil, advise(fmt.Errorf("%s: no certificate in it", at), "export the certificate together with the key")
	case strings.Contains(msg, "exactly one key bag"):
		return nil, nil, advise(fmt.Errorf("%s: several private keys in it", at), severalKeysAdvice)
	}
	return nil, nil, pkcs12Error(at, err, password)
}

func pkcs12Error(at string, err error, password connection.Secret) error {
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword) && password == "":
		return advise(fmt.Errorf("%s: no store password is given", at), "set the store password")
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return advise(fmt.Errorf("%s: the store password is wrong", at), "check the store password; try: keytool -list -keystore FILE")
	}
	return advise(fmt.Errorf("%s: read PKCS12 store: %w", at, err), "check it with: keytool -list -keystore FILE; a PEM file always works")
}
