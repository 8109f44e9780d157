package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"mm2/internal/connection"
)

// tlsConfig is the client side of a TLS connection as c describes it.
func tlsConfig(c connection.TLS) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: c.ServerName}
	roots, rootsErr := loadRoots(c.Trust)
	cfg.RootCAs = roots
	certificate, keysErr := loadCertificate(c.Keys, c.KeyPassword)
	if certificate != nil {
		// Given whatever the broker accepts. Go would send none if the
		// broker's list of authorities does not name ours, and the broker's
		// complaint about a missing certificate would lead people astray.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	var versionErr, cipherErr error
	cfg.MinVersion, versionErr = minVersion(c.MinVersion)
	cfg.CipherSuites, cipherErr = cipherSuites(c.CipherSuites)
	if len(c.CipherSuites) > 0 && len(cfg.CipherSuites) == 0 {
		// Only suites of TLS 1.3 are wanted, which are not for choosing.
		cfg.MinVersion = tls.VersionTLS13
	}
	if c.SkipHostnameCheck {
		// Go has no switch for the name alone: its own check is off, and ours
		// verifies the chain.
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = verifyChain(roots)
	}
	if err := errors.Join(rootsErr, keysErr, versionErr, cipherErr); err != nil {
		return nil, err
	}
	return cfg, nil
}

// verifyChain checks everything about the broker's certificate but its name.
func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 {
			return errors.New("tls: the broker sent no certificate")
		}
		intermediates := x509.NewCertPool()
		for _, c := range cs.PeerCertificates[1:] {
			intermediates.AddCert(c)
		}
		_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{
			Roots:         roots,
			Intermediates: intermediates,
			KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		})
		if err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: cs.PeerCertificates, Err: err}
		}
		return nil
	}
}

func minVersion(name string) (uint16, error) {
	switch name {
	case "", "TLSv1.2":
		return tls.VersionTLS12, nil
	case "TLSv1.3":
		return tls.VersionTLS13, nil
	}
	return 0, advise(fmt.Errorf("unknown or outdated TLS version %q", name), "use TLSv1.2 or TLSv1.3")
}

// cipherSuites are the ids of the named suites of TLS 1.2. Those of TLS 1.3
// are known but left out: Go always offers all of them.
func cipherSuites(names []string) ([]uint16, error) {
	var ids []uint16
	var errs []error
	known := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	for _, name := range names {
		i := slices.IndexFunc(known, func(s *tls.CipherSuite) bool { return s.Name == name })
		switch {
		case i < 0:
			errs = append(errs, advise(fmt.Errorf("unknown cipher suite %q", name),
				"use IANA names such as %s, or leave the list out", tls.CipherSuiteName(tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)))
		case slices.Contains(known[i].SupportedVersions, tls.VersionTLS12):
			ids = append(ids, known[i].ID)
		}
	}
	return ids, errors.Join(errs...)
}
