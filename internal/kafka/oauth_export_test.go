package kafka

import (
	"context"
	"net/http"
	"testing"

	"mm2/internal/connection"
)

// TokenGetter is what OAUTHBEARER calls for a token, with an endpoint that is
// reached by via.
func TokenGetter(t testing.TB, via http.RoundTripper) func(context.Context) (string, error) {
	t.Helper()
	tokens, err := newTokens(connection.OAuth{TokenURL: "https://login.example.com/token", ClientID: "mm2", ClientSecret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	tokens.client.Transport = via
	return tokens.get
}
