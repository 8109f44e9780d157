package kafka

import (
	"errors"

	"github.com/twmb/franz-go/pkg/sasl"

	"mm2/internal/connection"
)

func oauthMechanism(connection.OAuth) (sasl.Mechanism, error) {
	return nil, errors.New("not yet")
}
