package kafka

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"mm2/internal/connection"
)

// saslOpts is authentication where the protocol asks for it.
func saslOpts(c connection.Connection) ([]kgo.Opt, error) {
	switch c.Protocol {
	case connection.SASLPlaintext, connection.SASLSSL:
	default:
		return nil, nil
	}
	m, err := mechanism(c.SASL)
	if err != nil {
		return nil, err
	}
	return []kgo.Opt{kgo.SASL(m)}, nil
}

func mechanism(s connection.SASL) (sasl.Mechanism, error) {
	switch s.Mechanism {
	case connection.Plain:
		if err := credentials(s); err != nil {
			return nil, err
		}
		return plain.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsMechanism(), nil
	case connection.ScramSHA256:
		if err := credentials(s); err != nil {
			return nil, err
		}
		return scramAuth(s).AsSha256Mechanism(), nil
	case connection.ScramSHA512:
		if err := credentials(s); err != nil {
			return nil, err
		}
		return scramAuth(s).AsSha512Mechanism(), nil
	case connection.OAuthBearer:
		return oauthMechanism(s.OAuth)
	case "":
		return nil, advise(errors.New("no SASL mechanism"), "set it to "+knownMechanisms)
	case "GSSAPI":
		return nil, advise(errors.New("SASL mechanism GSSAPI (Kerberos) is not supported"), "use "+knownMechanisms)
	}
	return nil, advise(fmt.Errorf("unknown SASL mechanism %q", s.Mechanism), "use "+knownMechanisms)
}

const knownMechanisms = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"

func scramAuth(s connection.SASL) scram.Auth {
	return scram.Auth{User: s.Username, Pass: s.Password.Reveal(), IsToken: s.Token}
}

func credentials(s connection.SASL) error {
	var errs []error
	if s.Username == "" {
		errs = append(errs, advise(fmt.Errorf("SASL %s has no user name", s.Mechanism), "set the user name"))
	}
	if s.Password == "" {
		errs = append(errs, advise(fmt.Errorf("SASL %s has no password", s.Mechanism), "set the password, best as ${env:NAME} or ${file:path}"))
	}
	if s.Token && s.Mechanism == connection.Plain {
		errs = append(errs, advise(errors.New("delegation tokens do not work with SASL PLAIN"), "use SCRAM-SHA-256 or SCRAM-SHA-512"))
	}
	return errors.Join(errs...)
}
