package kafka

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"

	"mm2/internal/connection"
)

// pemBlock finds blocks whose lines were joined, with blanks or nothing in
// their place: a properties file has no multi-line values, so Java users write
// certificates on one line.
var pemBlock = regexp.MustCompile(`-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END ([A-Z0-9 ]+)-----`)

// pemBlocks are the blocks in data; text between them is skipped. A block that
// has begun and cannot be read is an error.
func pemBlocks(data []byte) ([]*pem.Block, error) {
	data = pemBlock.ReplaceAllFunc(data, func(b []byte) []byte {
		m := pemBlock.FindSubmatch(b)
		body := bytes.Join(bytes.Fields(m[2]), []byte("\n"))
		return fmt.Appendf(nil, "\n-----BEGIN %s-----\n%s\n-----END %s-----\n", m[1], body, m[3])
	})
	var blocks []*pem.Block
	for {
		b, rest := pem.Decode(data)
		if b == nil {
			break
		}
		blocks, data = append(blocks, b), rest
	}
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		return nil, advise(fmt.Errorf("PEM block %d is damaged", len(blocks)+1), "copy it again, from -----BEGIN to -----END")
	}
	return blocks, nil
}

// pemCertificates are the certificates in data, in order.
func pemCertificates(at string, data []byte) ([]*x509.Certificate, error) {
	blocks, err := pemBlocks(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	var certs []*x509.Certificate
	for i, b := range blocks {
		if b.Type != "CERTIFICATE" && b.Type != "TRUSTED CERTIFICATE" && b.Type != "X509 CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, advise(fmt.Errorf("%s: PEM block %d: %w", at, i+1, err), "copy the certificate again")
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, advise(fmt.Errorf("%s: no certificate in it", at), "it needs a block that starts with -----BEGIN CERTIFICATE-----")
	}
	return certs, nil
}

// pemKey is the one private key in data.
func pemKey(at string, data []byte, password connection.Secret) (crypto.PrivateKey, error) {
	blocks, err := pemBlocks(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	for _, b := range blocks {
		key, err := blockKey(b, password)
		if err != nil {
			return nil, fmt.Errorf("%s: private key: %w", at, err)
		}
		if key != nil {
			return key, nil
		}
	}
	return nil, advise(fmt.Errorf("%s: no private key in it", at), "it needs a block such as -----BEGIN PRIVATE KEY-----")
}

// blockKey is the key in b, or nil if b is something else.
func blockKey(b *pem.Block, password connection.Secret) (crypto.PrivateKey, error) {
	if b.Headers["DEK-Info"] != "" {
		return nil, advise(errors.New("its encryption is outdated (a Proc-Type header) and not supported"),
			"convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.pem -out NEW.pem")
	}
	switch b.Type {
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(b.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return decryptPKCS8(b.Bytes, password)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(b.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(b.Bytes)
	case "OPENSSH PRIVATE KEY":
		return nil, advise(errors.New("it is an OpenSSH key"), "use the key that belongs to the certificate, in PKCS#8: -----BEGIN PRIVATE KEY-----")
	}
	return nil, nil
}

// pemKeys reads a key store of PEM files: data is s.File with the certificate
// chain, and with the key unless s.KeyFile holds it.
func pemKeys(s connection.Store, data []byte, password connection.Secret) (crypto.PrivateKey, []*x509.Certificate, error) {
	certs, certsErr := pemCertificates(where(keyStore, s), data)
	keyAt := where(keyStore, s)
	if s.KeyFile != "" {
		keyAt = "key file " + s.KeyFile
		var err error
		if data, err = readFile("key file", s.KeyFile); err != nil {
			return nil, nil, errors.Join(certsErr, err)
		}
	}
	if password == "" {
		// Java has one password for a PEM file; people set either key.
		password = s.Password
	}
	key, keyErr := pemKey(keyAt, data, password)
	if err := errors.Join(certsErr, keyErr); err != nil {
		return nil, nil, err
	}
	return key, certs, nil
}

// inlineKeys reads a key store whose PEM text stands in the configuration.
func inlineKeys(s connection.Store, password connection.Secret) (crypto.PrivateKey, []*x509.Certificate, error) {
	switch {
	case s.File != "" || s.KeyFile != "":
		return nil, nil, both(keyStore)
	case s.Certificates == "":
		return nil, nil, advise(errors.New("inline key store: the certificate chain is missing"), "give it together with the private key")
	case s.Key == "":
		return nil, nil, advise(errors.New("inline key store: the private key is missing"), "give it together with the certificate chain")
	}
	certs, certsErr := pemCertificates("inline certificate chain", []byte(s.Certificates))
	key, keyErr := pemKey("inline private key", []byte(s.Key.Reveal()), password)
	if err := errors.Join(certsErr, keyErr); err != nil {
		return nil, nil, err
	}
	return key, certs, nil
}
